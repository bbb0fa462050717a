import { reporting } from './reports.js';

/** Phases before there is a plan: comparing records, reading segments, training a registry on tokens. */
export type PreparationPhase = 'checking' | 'sampling' | 'training';

export interface Preparation {
  readonly kind: 'preparation';
  readonly phase: PreparationPhase;
  readonly done: number;
  readonly total: number;
}

export type ReportPreparation = (phase: PreparationPhase, done: number, total: number) => void;

/** Runs the preparation of a plan. Yields how far it is, then returns its result. See reporting. */
export function preparing<T>(
  work: (report: ReportPreparation, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): AsyncGenerator<Preparation, T, void> {
  return reporting<Preparation, T>(
    (report, stop) => work((phase, done, total) => report({ kind: 'preparation', phase, done, total }), stop),
    signal,
  );
}
