/** A report on how far the work is; a phase is a part of the work. */
interface Report {
  readonly phase: string;
}

/** Minimum interval between reports, in milliseconds; every phase is reported. */
const reportEveryMs = 100;

/**
 * Runs a work. Yields its reports, then returns its result. A report that is not taken in time is dropped for
 * the next one. The work is aborted when the signal aborts or the receiver stops.
 */
export async function* reporting<R extends Report, Result>(
  work: (report: (latest: R) => void, signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): AsyncGenerator<R, Result, void> {
  const left = new AbortController();
  let latest: R | undefined;
  let wake: () => void = () => undefined;
  const report = (next: R) => {
    latest = next;
    wake();
  };
  let working = true;
  const result = work(report, AbortSignal.any([signal, left.signal])).finally(() => {
    working = false;
    wake();
  });
  result.catch(() => undefined); // An error is thrown where the result is awaited.
  try {
    let reported: { readonly phase: string; readonly atMs: number } | undefined;
    while (working) {
      // A phase that began while the last report was being taken has woken nobody.
      if (latest === undefined || latest.phase === reported?.phase) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (!working || latest === undefined) continue;
      if (reported?.phase === latest.phase && performance.now() - reported.atMs < reportEveryMs) continue;
      reported = { phase: latest.phase, atMs: performance.now() };
      yield latest;
    }
    return await result;
  } finally {
    left.abort();
    await result.catch(() => undefined);
  }
}
