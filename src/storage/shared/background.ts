import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { StowkenError } from '../../model/index.js';

/**
 * Work without interruption, in milliseconds, before everyone else gets a pause: a call takes several turns
 * of the event loop.
 */
const WORK_MS = 2;
const PAUSE_MS = 1;

/** Interrupts a long computation at intervals, so that it does not hold up serving. */
export class BackgroundTurns {
  #pauseDueMs = performance.now() + WORK_MS;

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** True if it is time for pause(). */
  get due(): boolean {
    return performance.now() >= this.#pauseDueMs;
  }

  /** @throws StowkenError CANCELLED when the signal has aborted */
  async pause(): Promise<void> {
    await setTimeout(PAUSE_MS);
    if (this.signal?.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
    this.#pauseDueMs = performance.now() + WORK_MS;
  }
}

/**
 * Growth of the heap before the next garbage collection, in percent of the live heap at the last one; 0: V8
 * decides.
 */
const leanPercent = 30;

let ordinaryPercent = 0;
let under = 0;

/** Sets the heap growth limit of a process that shares its memory with others. */
export function keepHeapLean(percent: number): void {
  ordinaryPercent = percent;
  if (under === 0) setGrowth(percent);
}

/**
 * Limits heap growth during work that needs much memory for a moment, until the returned function is called.
 * V8 lets a heap grow to four times its live size at the last collection. If that collection falls into such
 * work, the process stays that large long after. So the limit is kept until garbage has been collected after
 * the work.
 */
export function leanHeap(): () => void {
  let ended = false;
  under += 1;
  setGrowth(leanPercent);
  return () => {
    if (ended) return;
    ended = true;
    under -= 1;
    if (under === 0) afterNextLook(() => under === 0 && setGrowth(ordinaryPercent));
  };
}

export async function withLeanHeap<T>(work: () => Promise<T>): Promise<T> {
  const end = leanHeap();
  try {
    return await work();
  } finally {
    end();
  }
}

function afterNextLook(then: () => void): void {
  const observer = new PerformanceObserver((list) => {
    const looks = list.getEntries() as unknown as readonly { readonly detail: { readonly kind: number } }[];
    if (!looks.some(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) return;
    observer.disconnect();
    then();
  });
  observer.observe({ type: 'gc' });
}

function setGrowth(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
