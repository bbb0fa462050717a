import { readFileSync } from 'node:fs';

/** Runs `work` on every item, `inFlight` at a time; resolves to the seconds it took. */
export async function timed<T>(
  items: readonly T[],
  inFlight: number,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < items.length) await work(items[next++]!);
    }),
  );
  return (performance.now() - started) / 1000;
}

/** Returns the nearest-rank percentile of some values; NaN for none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

/** Returns the bytes that this process has passed to the system to write, if the system counts them. */
export function bytesWritten(): number {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? NaN);
  } catch {
    return NaN;
  }
}

/**
 * Runs `work`; resolves to its result, the milliseconds it took, and the longest time in which nothing else
 * had a turn.
 */
export async function timedTurns<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly ms: number; readonly longestTurnMs: number }> {
  let longestTurnMs = 0;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    longestTurnMs = Math.max(longestTurnMs, now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  const started = performance.now();
  try {
    const result = await work();
    const ms = performance.now() - started;
    await new Promise(setImmediate);
    tick();
    return { result, ms, longestTurnMs };
  } finally {
    clearInterval(timer);
  }
}
