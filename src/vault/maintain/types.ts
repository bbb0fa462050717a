import type { RepairPhase, Violation } from '../../storage/index.js';
import type { Preparation } from './preparation.js';

export interface GarbageFigures {
  readonly segments: number;
  readonly frameBytes: number;
}

export interface CollectOptions {
  readonly dryRun: boolean;
  readonly minAgeMs: number;
  /** True to report the progress of the check before the plan. */
  readonly reportPreparation?: boolean;
}

export type CollectPart =
  | Preparation
  | ({ readonly kind: 'plan' } & GarbageFigures)
  | ({ readonly kind: 'progress' } & GarbageFigures)
  | ({ readonly kind: 'summary'; readonly keptSegments: number } & GarbageFigures);

/** Progress now and then, repaired violations, violations, oddities that are no errors, a summary. */
export type VerifyPart =
  | {
      readonly kind: 'progress';
      readonly phase: RepairPhase;
      readonly done: number;
      readonly total: number;
    }
  | ({ readonly kind: 'repaired' | 'violation' } & Violation)
  | { readonly kind: 'note'; readonly subject: string; readonly detail: string }
  | {
      readonly kind: 'summary';
      readonly records: number;
      readonly repaired: number;
      readonly violations: number;
    };
