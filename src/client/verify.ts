import { fromUint64 } from './numbers.js';
import type { CallControl } from './types.js';

export interface VerifyOptions extends CallControl {
  /** Make anew what can be made anew, if anything is wrong; other calls wait meanwhile. */
  readonly repair?: boolean;
}

const phases = {
  VERIFY_PHASE_UNSPECIFIED: 'checking',
  VERIFY_PHASE_CHECKING: 'checking',
  VERIFY_PHASE_REBUILDING: 'rebuilding',
  VERIFY_PHASE_CHECKING_AGAIN: 'checkingAgain',
} as const;

export type VerifyPhase = (typeof phases)[keyof typeof phases];

/** Progress now and then, what was wrong and is repaired, what is wrong, what is odd but not wrong, a summary. */
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

/** Something that is not as it must be. */
export interface Violation {
  readonly invariant: string;
  /** The record: "segment 17", "conversation x". */
  readonly subject: string;
  readonly detail: string;
}

/** Something odd that is not wrong. */
export interface VerifyNote {
  readonly subject: string;
  readonly detail: string;
}

/** A message as it comes: 64-bit numbers are decimal strings, enums are names. */
export interface WireVerifyResponse {
  readonly part?: 'progress' | 'violation' | 'repaired' | 'note' | 'summary';
  readonly progress?: { readonly recordsDone: string; readonly records: string; readonly phase: string };
  readonly violation?: Violation;
  readonly repaired?: Violation;
  readonly note?: VerifyNote;
  readonly summary?: { readonly records: string; readonly violations: string; readonly repaired: string };
}

export function fromWireVerify(message: WireVerifyResponse): VerifyPart | undefined {
  const { part: kind, progress, summary } = message;
  switch (kind) {
    case undefined:
      return undefined;
    case 'progress':
      return {
        kind,
        phase: phases[progress!.phase as keyof typeof phases] ?? 'checking',
        done: fromUint64('records_done', progress!.recordsDone),
        total: fromUint64('records', progress!.records),
      };
    case 'violation':
    case 'repaired':
      return { kind, ...message[kind]! };
    case 'note':
      return { kind, ...message.note! };
    case 'summary':
      return {
        kind,
        records: fromUint64('records', summary!.records),
        repaired: fromUint64('repaired', summary!.repaired),
        violations: fromUint64('violations', summary!.violations),
      };
  }
}
