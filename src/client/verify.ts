import type * as W from './generated/responses.js';
import { fromUint64 } from './numbers.js';
import type { CallControl } from './connection-types.js';

export interface VerifyOptions extends CallControl {
  /** Rebuilds derived records if anything is wrong; other calls wait meanwhile. */
  readonly repair?: boolean;
}

const phases = {
  VERIFY_PHASE_UNSPECIFIED: 'checking',
  VERIFY_PHASE_CHECKING: 'checking',
  VERIFY_PHASE_REBUILDING: 'rebuilding',
  VERIFY_PHASE_CHECKING_AGAIN: 'checkingAgain',
} as const satisfies Record<W.VerifyPhase, string>;

export type VerifyPhase = (typeof phases)[keyof typeof phases];

/** Progress now and then, repaired violations, violations, oddities that are no errors, a summary. */
export type VerifyPart =
  | {
      readonly kind: 'progress';
      readonly phase: VerifyPhase;
      /** Records of this phase. */
      readonly done: number;
      readonly total: number;
    }
  | ({ readonly kind: 'repaired' | 'violation' } & Violation)
  | ({ readonly kind: 'note' } & VerifyNote)
  | {
      readonly kind: 'summary';
      readonly records: number;
      readonly repaired: number;
      readonly violations: number;
    };

/** A broken invariant. */
export interface Violation {
  readonly invariant: string;
  /** The record that breaks it: "segment 17", "conversation x". */
  readonly subject: string;
  readonly detail: string;
}

/** An oddity that is not an error. */
export interface VerifyNote {
  readonly subject: string;
  readonly detail: string;
}

export function fromWireVerify(message: W.VerifyVaultResponse): VerifyPart | undefined {
  switch (message.part) {
    case undefined:
      return undefined;
    case 'progress': {
      const { phase, recordsDone, records } = message.progress;
      return {
        kind: 'progress',
        phase: typeof phase === 'number' ? 'checking' : phases[phase],
        done: fromUint64('records_done', recordsDone),
        total: fromUint64('records', records),
      };
    }
    case 'violation':
      return { kind: 'violation', ...message.violation };
    case 'repaired':
      return { kind: 'repaired', ...message.repaired };
    case 'note':
      return { kind: 'note', ...message.note };
    case 'summary': {
      const { records, repaired, violations } = message.summary;
      return {
        kind: 'summary',
        records: fromUint64('records', records),
        repaired: fromUint64('repaired', repaired),
        violations: fromUint64('violations', violations),
      };
    }
  }
}
