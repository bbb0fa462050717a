import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { createRequire } from 'node:module';
import { limits } from '../model/index.js';
import { Channel } from './channel.js';
import { semiSpaceMebibytes } from './heap-growth.js';
import type { PrimaryHandlers, Refusal, WorkerHandlers, WorkerOptions } from './handlers.js';
import { sendConnection, workerPort } from './ports.js';
import type { Entrance, Receiver } from './reception.js';
import { FairClock, starvedMs } from './starvation.js';

/** A connection that was sent to the worker, but is not acknowledged yet. */
interface Handing {
  readonly number: number;
  readonly connection: Socket;
  timer: NodeJS.Timeout | undefined;
}

/** Methods of the primary for a worker, without those that this class implements. */
export type VaultOffer = Omit<PrimaryHandlers, 'calls'> & {
  readonly calls: Omit<PrimaryHandlers['calls'], 'register' | 'started' | 'took'>;
};

/**
 * A worker process, from its start to its end. Its owner is notified when it serves, when it can take a
 * connection, and how it has ended; the owner looks at it at intervals and is told when to kill it.
 */
export class WorkerProcess implements Receiver {
  readonly channel: Channel<WorkerHandlers>;
  /**
   * Resolves when it serves; to the reason if it reports that it cannot. Does not settle if it ends before.
   */
  readonly started: Promise<Refusal | undefined>;
  /** Resolves to the signal or the exit code when the process has ended. */
  readonly ended: Promise<string>;
  #state: 'starting' | 'registered' | 'serving' | 'draining' | 'ended' = 'starting';
  #connections = 0;
  #handing: Handing | undefined;
  #lastNumber = 0;
  /** True if it did not take its last connection in time, and has not answered since. */
  #isSuspect = false;
  #isAsked = false;
  /** Looks since its last answer, and the time that it had been starved until then. */
  #silentLooks = 0;
  #starvedMs = 0;
  readonly #child: ChildProcess;

  /** @throws Error if the system starts no process. */
  constructor(
    offer: VaultOffer,
    options: () => WorkerOptions,
    private readonly onReady: () => void,
    /** Called if it has not taken a connection in time; the connection is closed. */
    private readonly onSuspect: () => void,
  ) {
    this.#child = fork(createRequire(import.meta.url).resolve('#build/programs/workers/worker.js'), [], {
      execArgv: [...process.execArgv, `--max-semi-space-size=${semiSpaceMebibytes}`],
      serialization: 'advanced',
    });
    this.#child.on('error', () => undefined);
    if (this.#child.pid === undefined) throw new Error('the system starts no more processes');
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#end();
        resolve(signal ?? `exit code ${code}`);
      });
    });
    let started = (_: Refusal | undefined): void => undefined;
    this.started = new Promise((resolve) => (started = resolve));
    this.channel = new Channel(workerPort(this.#child), {
      ...offer,
      calls: {
        ...offer.calls,
        register: () => {
          if (this.#state === 'starting') this.#state = 'registered';
          return options();
        },
        started: (outcome) => {
          if (outcome !== undefined) return started(outcome);
          if (this.#state === 'registered') this.#state = 'serving';
          this.#heard();
          started(undefined);
          this.onReady();
        },
        took: ({ connection, connections }) => this.#took(connection, connections),
      },
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** True if it receives messages: a message sent to a process before that is lost. */
  get isListening(): boolean {
    return this.#state === 'registered' || this.#state === 'serving';
  }

  get isServing(): boolean {
    return this.#state === 'serving';
  }

  get isReady(): boolean {
    return this.#state === 'serving' && this.#handing === undefined && !this.#isSuspect;
  }

  get connections(): number {
    return this.#connections;
  }

  get isPromising(): boolean {
    return this.#state === 'serving' && !this.#isSuspect;
  }

  give(connection: Socket, entrance: Entrance, msMax: number): void {
    const number = ++this.#lastNumber;
    const clock = new FairClock(this.pid);
    const tooLong = (): void => {
      if (this.#handing !== handing) return;
      const msLeft = msMax - clock.ms;
      if (msLeft > 1) return waitFor(msLeft);
      this.#isSuspect = true;
      this.onSuspect();
      this.#drop(number);
    };
    // Timers run before messages: if this process is late too, the answer may have arrived already.
    const waitFor = (ms: number): void => {
      handing.timer = setTimeout(() => setImmediate(tooLong), ms);
    };
    const handing: Handing = { number, connection, timer: undefined };
    waitFor(msMax);
    this.#handing = handing;
    sendConnection(this.#child, number, connection, entrance, () => this.#drop(number));
  }

  /**
   * Asks whether the worker is alive. Returns true if it has not answered for too long. Counts looks and not
   * time: a computer that slept, or a server that was stopped for a while, proves nothing about its workers.
   */
  look(): boolean {
    if (this.#state === 'draining' || this.#state === 'ended') return false;
    this.#silentLooks += 1;
    const serves = this.#state === 'serving';
    const msMax = serves ? limits.workerSilenceMsMax : limits.workerStartMsMax;
    const starved = starvedMs(this.pid) - this.#starvedMs;
    if (this.#silentLooks * limits.workerLookMs - starved > msMax) return true;
    if (serves && !this.#isAsked) void this.#ask();
    return false;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets it finish the calls under way and end; kills it if that takes longer. */
  async drain(graceMs: number): Promise<void> {
    const serves = this.#state === 'serving';
    if (this.#state === 'ended') return;
    this.#state = 'draining';
    if (!serves) this.kill();
    else {
      const tooLong = setTimeout(() => this.kill(), graceMs + limits.workerEndMsMax);
      void this.ended.then(() => clearTimeout(tooLong));
      await this.channel.call('drain', graceMs).catch(() => undefined);
      if (this.#child.connected) this.#child.disconnect();
    }
    await this.ended;
  }

  async #ask(): Promise<void> {
    this.#isAsked = true;
    try {
      this.#connections = await this.channel.call('countConnections', undefined);
      this.#heard();
      this.#isSuspect = false;
      if (this.isReady) this.onReady();
    } catch {
      // It has ended, which is handled elsewhere.
    } finally {
      this.#isAsked = false;
    }
  }

  #heard(): void {
    this.#silentLooks = 0;
    this.#starvedMs = starvedMs(this.pid);
  }

  #took(number: number, connections: number): void {
    this.#connections = connections;
    // A late acknowledgement: the connection was closed meanwhile.
    if (this.#handing?.number !== number) return;
    const { connection, timer } = this.#handing;
    clearTimeout(timer);
    this.#handing = undefined;
    connection.destroy();
    this.onReady();
  }

  /**
   * Closes a connection that the worker did not take. The worker may have it all the same, so the connection
   * is shut down first.
   */
  #drop(number: number): void {
    if (this.#handing?.number !== number) return;
    const { connection, timer } = this.#handing;
    clearTimeout(timer);
    this.#handing = undefined;
    connection.destroySoon();
    if (this.isReady) this.onReady();
  }

  #end(): void {
    this.#state = 'ended';
    if (this.#handing !== undefined) this.#drop(this.#handing.number);
  }
}
