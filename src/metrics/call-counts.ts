import { status } from '@grpc/grpc-js';
import { Distribution } from '../model/index.js';
import { type CallWatcher, isServed } from '../rpc/index.js';
import type { Samples } from './samples.js';

/** Bounds of durations in seconds: those that OpenTelemetry advises, and two smaller ones. */
const boundsSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

/** Name of all methods that the server does not have: a client can make up any number. */
const otherMethod = '_OTHER';

/** Calls of one method. */
class MethodCounts {
  /** Durations by status code. */
  readonly durations: (Distribution | undefined)[] = [];
  receivedBytes = 0;
  sentBytes = 0;
}

/** Counts calls as they end: a few additions each; text is made when somebody asks. */
export class CallCounts {
  readonly #methods = new Map<string, MethodCounts>();

  readonly add: CallWatcher = ({ path, code, durationMs, receivedBytes, sentBytes }) => {
    const counts = this.#methods.get(path) ?? this.#begin(path);
    const durations = (counts.durations[code] ??= new Distribution(boundsSeconds));
    durations.add(durationMs / 1000);
    counts.receivedBytes += receivedBytes;
    counts.sentBytes += sentBytes;
  };

  collect(samples: Samples): void {
    for (const [path, { durations, receivedBytes, sentBytes }] of this.#methods) {
      const rpc_method = path.slice(path.startsWith('/') ? 1 : 0);
      durations.forEach((distribution, code) => {
        if (!distribution) return;
        const labels = { rpc_system_name: 'grpc', rpc_method, rpc_response_status_code: status[code]! };
        samples.setHistogram('rpc_server_call_duration_seconds', labels, distribution);
      });
      samples.set('stowken_rpc_received_bytes_total', { rpc_method }, receivedBytes);
      samples.set('stowken_rpc_sent_bytes_total', { rpc_method }, sentBytes);
    }
  }

  #begin(path: string): MethodCounts {
    const name = isServed(path) ? path : otherMethod;
    let counts = this.#methods.get(name);
    if (counts === undefined) this.#methods.set(name, (counts = new MethodCounts()));
    return counts;
  }
}
