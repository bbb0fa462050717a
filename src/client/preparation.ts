import type * as W from './generated/responses.js';
import { fromUint64 } from './numbers.js';

export type PreparationPhase = 'checking' | 'sampling' | 'training' | 'unknown';

/** Progress of the work before a plan. */
export interface Preparation {
  readonly kind: 'preparation';
  readonly phase: PreparationPhase;
  readonly done: number;
  readonly total: number;
}

const phases = {
  PREPARATION_PHASE_UNSPECIFIED: 'unknown',
  PREPARATION_PHASE_CHECKING: 'checking',
  PREPARATION_PHASE_SAMPLING: 'sampling',
  PREPARATION_PHASE_TRAINING: 'training',
} as const satisfies Record<W.PreparationPhase, PreparationPhase>;

export function fromWirePreparation({ phase, done, total }: W.Preparation): Preparation {
  return {
    kind: 'preparation',
    phase: typeof phase === 'number' ? 'unknown' : phases[phase],
    done: fromUint64('done', done),
    total: fromUint64('total', total),
  };
}
