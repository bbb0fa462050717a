import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

/**
 * Growth of the heap before the next garbage collection, in percent of the live heap at the last one; 0: V8
 * decides.
 */
const leanPercent = 30;

let ordinaryPercent = 0;
let under = 0;

/**
 * Sets up the heap of a process that serves calls: a growth limit, because it shares its memory with others,
 * and no allocation of new objects among the old ones. V8 puts objects there whose predecessors survived two
 * collections. Objects of a call do so under load, and then die where only a full collection finds them.
 */
export function keepHeapLean(percent: number): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
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
