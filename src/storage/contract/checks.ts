export interface CheckOptions {
  /**
   * "records": leaves frames undecoded, and takes what follows from files at opening as it is. Enough to tell
   * whether anything could be deleted that is still needed.
   */
  readonly depth?: 'frames' | 'records';
  /** Called now and then with records looked at and records in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** In this order; a vault that is whole is only checked. Progress is told of checks. */
export type RepairPhase = 'checking' | 'rebuilding' | 'checkingAgain';

export interface RepairOptions extends Pick<CheckOptions, 'onProgress' | 'signal'> {
  /** Called before each phase; the storage waits for it. */
  readonly onPhase?: (phase: RepairPhase) => void | Promise<void>;
}

export interface RepairReport {
  readonly repaired: readonly Violation[];
  readonly remaining: readonly Violation[];
}

/** Something that is not as it must be. */
export interface Violation {
  /** The invariant, as docs/storage-format.md names it. */
  readonly invariant: string;
  /** The record: "segment 17", "conversation x". */
  readonly subject: string;
  readonly detail: string;
}
