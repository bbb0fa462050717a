import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Secure } from './secure-files.js';

/** Calls of one process. */
export interface LoadJob {
  /** Servers; connections are spread over them. */
  readonly addresses: readonly string[];
  readonly path: string;
  readonly requests: readonly Uint8Array[];
  readonly inFlight: number;
  readonly connections: number;
  /** If absent, connections are not encrypted, and calls have no token. */
  readonly secure?: Secure | undefined;
}

export type LoadAnswer =
  | {
      readonly beganMs: number;
      readonly endedMs: number;
      readonly latenciesMs: readonly number[];
      readonly bytes: number;
      readonly cpuSeconds: number;
    }
  | { readonly failure: string };

export interface LoadResult {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** Bytes of all responses, with the 5 that gRPC puts before each message. */
  readonly bytes: number;
  /** Processor time of the calling processes. */
  readonly cpuSeconds: number;
}

/**
 * Limit of each process's connections, if there are no more servers: with it, a server of two workers has as
 * many for each.
 */
const connectionsMax = 2;

/**
 * Processes that load a server together, so that the server is the bottleneck. Each has connections of its
 * own.
 */
export class LoadClients {
  readonly #processes: readonly ChildProcess[];

  constructor(count: number) {
    const script = createRequire(import.meta.url).resolve('#build/bench/lib/load-client.js');
    this.#processes = Array.from({ length: count }, () => fork(script, { serialization: 'advanced' }));
  }

  /** Makes all calls, with a limit of concurrent calls over all processes; rejects if one fails. */
  async run(
    address: string | readonly string[],
    path: string,
    requests: readonly Uint8Array[],
    inFlight: number,
    secure?: Secure,
  ): Promise<LoadResult> {
    const processes = this.#processes.slice(0, inFlight);
    const all = typeof address === 'string' ? [address] : address;
    const answers = await Promise.all(
      processes.map(async (process, index) => {
        const ownInFlight = Math.ceil(inFlight / processes.length);
        const job: LoadJob = {
          addresses: [...all.slice(index % all.length), ...all.slice(0, index % all.length)],
          path,
          requests: requests.filter((_, at) => at % processes.length === index),
          inFlight: ownInFlight,
          connections: Math.min(Math.max(connectionsMax, all.length), ownInFlight),
          secure,
        };
        const answered = once(process, 'message') as Promise<[LoadAnswer]>;
        process.send(job);
        const [answer] = await answered;
        if ('failure' in answer) throw new Error(answer.failure);
        return answer;
      }),
    );
    const beganMs = Math.min(...answers.map((answer) => answer.beganMs));
    const endedMs = Math.max(...answers.map((answer) => answer.endedMs));
    return {
      seconds: (endedMs - beganMs) / 1000,
      latenciesMs: answers.flatMap((answer) => answer.latenciesMs),
      bytes: answers.reduce((sum, answer) => sum + answer.bytes, 0),
      cpuSeconds: answers.reduce((sum, answer) => sum + answer.cpuSeconds, 0),
    };
  }

  stop(): void {
    for (const process of this.#processes) process.disconnect();
  }
}
