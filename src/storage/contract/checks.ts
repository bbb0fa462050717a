import type { Invariant } from './invariants.js';

export interface CheckOptions {
  /**
   * "records" suffices to decide whether a deletion could remove something that is still needed. It does not
   * decode frames, and trusts derived data that was read from files at opening. A backend whose own
   * transactions keep references and counts consistent need not read anything.
   */
  readonly depth?: 'frames' | 'records';
  /** Called now and then with the records checked and the records in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Phases of a repair, in this order. A vault without violations is only checked. Progress is reported for the
 * checks.
 */
export type RepairPhase = 'checking' | 'rebuilding' | 'checkingAgain';

export interface RepairOptions extends Pick<CheckOptions, 'onProgress' | 'signal'> {
  /** Called before each phase; the storage waits for it. */
  readonly onPhase?: (phase: RepairPhase) => void | Promise<void>;
}

export interface RepairReport {
  readonly repaired: readonly Violation[];
  readonly remaining: readonly Violation[];
}

/** A broken invariant. */
export interface Violation {
  readonly invariant: Invariant;
  /** The record that breaks it: "segment 17", "conversation x". */
  readonly subject: string;
  readonly detail: string;
}

declare const checkPosition: unique symbol;
/** Position in a check that goes through a vault in parts. Opaque to all but the backend that made it. */
export type CheckPosition = string & { readonly [checkPosition]: true };

export interface CheckPartQuery {
  /** Position after which the part begins: `next` of the part before, or `before` of a damaged record. */
  readonly after?: CheckPosition | undefined;
  /** Bytes of records after which the part ends. */
  readonly bytesMax: number;
  /** Records after which the part ends. */
  readonly recordsMax?: number;
}

/** A damaged record, and the position from which it is the next one. */
export interface Damage extends Violation {
  readonly before: CheckPosition;
}

/** A part of a vault that was checked. */
export interface CheckedPart {
  readonly records: number;
  readonly bytes: number;
  readonly damage: readonly Damage[];
  /** Position of the last record; undefined at the end of the vault. */
  readonly next: CheckPosition | undefined;
}
