import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Codec, SharedRegistry } from '../../codec/index.js';
import { type Reason, receivedError, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import { throwIfAborted } from '../event-loop.js';
import type { SegmentScan } from './segment-states.js';
import type { ScanTables } from './token-scanner.js';

/** Segments to scan for a needle, and their frames. */
export interface SegmentsToScan {
  readonly tables: ScanTables;
  readonly scans: readonly SegmentScan[];
  readonly frames: readonly Uint8Array[];
  /**
   * The codec when the last frames were read: a compaction may drop their registries before they are decoded.
   */
  readonly codec: Codec;
}

/** Tables and registries of a search, in memory that all threads share: nothing of them is copied. */
export interface ScanContext {
  readonly tables: ScanTables;
  readonly registries: readonly SharedRegistry[];
}

/** Work of a thread. */
export interface ScanTask {
  /** Absent: the same as for the task before. */
  readonly context: ScanContext | undefined;
  /** Frames one after the other, and the end of each. */
  readonly frames: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array;
  readonly tokenCounts: Uint32Array;
  /** State before each segment. */
  readonly before: Uint8Array;
}

/** State behind each segment. An error that crosses threads loses its class and its reason. */
export type ScanOutcome = Uint8Array | { readonly reason: Reason; readonly message: string };

/** Time after which threads that scan nothing are ended. */
const idleMs = 60_000;

/**
 * Threads that decode segments and scan them for the needles of searches, for all vaults of a process. They
 * start with the first search. A thread scans one batch at a time, and vaults take turns: a search waits for
 * one batch of each other vault, however much these search.
 */
export class SearchThreads {
  readonly #idle = new Set<Worker>();
  /** Tables and codec of each thread's last task. */
  readonly #all = new Map<Worker, Pick<SegmentsToScan, 'tables' | 'codec'> | undefined>();
  readonly #slots: FairSlots<object>;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(threadsMax: number) {
    this.#slots = new FairSlots({ countMax: threadsMax });
  }

  /**
   * Returns the state behind each segment; FOUND for one that does not decode.
   * @throws StowkenError CANCELLED, SHUTTING_DOWN, OVERLOADED, INTERNAL if the thread ends
   */
  async scan(vault: object, segments: SegmentsToScan, signal: AbortSignal): Promise<Uint8Array> {
    const leave = await this.#slots.enter({ owner: vault, signal }).catch((error: unknown) => {
      throwIfAborted(signal);
      throw error;
    });
    try {
      if (this.#isClosed) throw shuttingDown();
      return await this.#run(segments);
    } finally {
      leave();
    }
  }

  /** Ends all threads, and what they scan. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#all.keys()].map((thread) => thread.terminate()));
  }

  async #run(segments: SegmentsToScan): Promise<Uint8Array> {
    const thread = this.#take();
    thread.ref();
    const { tables, codec } = segments;
    const last = this.#all.get(thread);
    const isKnown = last?.tables === tables && last.codec === codec;
    const task = taskOf(segments, isKnown);
    this.#all.set(thread, { tables, codec });
    const answered = new AbortController();
    const { signal } = answered;
    try {
      thread.postMessage(task, [task.frames.buffer]);
      // An error of the thread rejects both.
      const ended = once(thread, 'exit', { signal }).then(([code]) => {
        throw new Error(`it ended with ${String(code)}`);
      });
      const [outcome] = (await Promise.race([once(thread, 'message', { signal }), ended])) as [ScanOutcome];
      this.#giveBack(thread);
      if (outcome instanceof Uint8Array) return outcome;
      throw receivedError(outcome.reason, outcome.message);
    } catch (error) {
      if (error instanceof StowkenError) throw error;
      if (this.#isClosed) throw shuttingDown(error);
      throw new StowkenError('INTERNAL', 'a thread that searches failed', {}, { cause: error });
    } finally {
      answered.abort();
    }
  }

  #take(): Worker {
    clearTimeout(this.#timer);
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      return idle;
    }
    const thread = new Worker(
      createRequire(import.meta.url).resolve('#build/programs/vault/search/worker.js'),
    );
    this.#all.set(thread, undefined);
    const gone = (): void => {
      this.#all.delete(thread);
      this.#idle.delete(thread);
    };
    thread.once('exit', gone);
    // One that fails while it is idle is followed by another. Unheard, the event would end the process.
    thread.on('error', gone);
    return thread;
  }

  #giveBack(thread: Worker): void {
    thread.unref();
    this.#idle.add(thread);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const idle of this.#idle) void idle.terminate();
      // None may be taken any more: it ends a little later.
      this.#idle.clear();
    }, idleMs).unref();
  }
}

function taskOf({ tables, scans, frames, codec }: SegmentsToScan, isKnown: boolean): ScanTask {
  const ends = new Uint32Array(frames.length);
  let size = 0;
  for (const [at, { length }] of frames.entries()) ends[at] = size += length;
  const joined = new Uint8Array(size);
  for (const [at, frame] of frames.entries()) joined.set(frame, ends[at]! - frame.length);
  return {
    context: isKnown ? undefined : { tables, registries: codec.registries.map(({ shared }) => shared) },
    frames: joined,
    ends,
    tokenCounts: Uint32Array.from(scans, ({ tokenCount }) => tokenCount),
    before: Uint8Array.from(scans, ({ before }) => before),
  };
}

function shuttingDown(cause?: unknown): StowkenError {
  return new StowkenError('SHUTTING_DOWN', 'the server is shutting down', {}, { cause });
}
