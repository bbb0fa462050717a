/** Phases before there is a plan: comparing records, reading segments, training a registry on tokens. */
export type PreparationPhase = 'checking' | 'sampling' | 'training';

export interface Preparation {
  readonly kind: 'preparation';
  readonly phase: PreparationPhase;
  readonly done: number;
  readonly total: number;
}

export type ReportPreparation = (phase: PreparationPhase, done: number, total: number) => void;

/** Minimum interval between reports, in milliseconds; every phase is reported. */
const reportEveryMs = 100;

/**
 * Runs the preparation of a plan. Yields its progress, then returns its result. Progress that is not taken in
 * time is dropped. The preparation is aborted when the signal aborts or the receiver stops.
 */
export async function* preparing<T>(
  work: (report: ReportPreparation, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): AsyncGenerator<Preparation, T, void> {
  const left = new AbortController();
  let latest: Preparation | undefined;
  let wake: () => void = () => undefined;
  const report: ReportPreparation = (phase, done, total) => {
    latest = { kind: 'preparation', phase, done, total };
    wake();
  };
  let working = true;
  const result = work(report, AbortSignal.any([signal, left.signal])).finally(() => {
    working = false;
    wake();
  });
  result.catch(() => undefined); // An error is thrown where the result is awaited.
  try {
    let reported: { readonly phase: PreparationPhase; readonly atMs: number } | undefined;
    while (working) {
      // A phase that began while the last part was being taken has woken nobody.
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
