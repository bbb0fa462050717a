import { fromUint64 } from './numbers.js';

export type PreparationPhase = 'checking' | 'sampling' | 'training' | 'unknown';

/** How far the work before a plan is. */
export interface Preparation {
  readonly kind: 'preparation';
  readonly phase: PreparationPhase;
  readonly done: number;
  readonly total: number;
}

/** As it comes: 64-bit numbers are decimal strings, enums are names. */
export interface WirePreparation {
  readonly phase: string;
  readonly done: string;
  readonly total: string;
}

const phases: Readonly<Record<string, PreparationPhase>> = {
  PREPARATION_PHASE_CHECKING: 'checking',
  PREPARATION_PHASE_SAMPLING: 'sampling',
  PREPARATION_PHASE_TRAINING: 'training',
};

export function fromWirePreparation({ phase, done, total }: WirePreparation): Preparation {
  return {
    kind: 'preparation',
    phase: phases[phase] ?? 'unknown',
    done: fromUint64('done', done),
    total: fromUint64('total', total),
  };
}
