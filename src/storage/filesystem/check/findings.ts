import type { Codec } from '../../../codec/index.js';
import { isStowkenError, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { CheckOptions, Violation } from '../../contract/checks.js';
import type { Disk } from '../disk/disk.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import type { Invariant } from '../../contract/invariants.js';

/** Findings of a check so far, and its progress. */
export class Findings {
  readonly violations: Violation[] = [];
  #done = 0;

  constructor(
    private readonly total: number,
    private readonly options: CheckOptions,
  ) {}

  report(invariant: Invariant, subject: string, detail: string): void {
    this.violations.push({ invariant, subject, detail });
  }

  stray(path: string): void {
    this.report('stray-file', path, 'it is not part of the vault, and is ignored');
  }

  /** Runs a look at a record; reports the record if it does not decode. */
  async guarded(invariant: Invariant, subject: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      this.report(invariant, subject, error.message);
    }
  }

  /** Counts one more conversation or segment. @throws StowkenError CANCELLED */
  progress(): void {
    const { onProgress, signal } = this.options;
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the check was cancelled');
    this.#done += 1;
    onProgress?.(this.#done, this.total);
  }
}

/** A vault to check: its files, and the index built when it was opened. */
export interface CheckedVault {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
}

/** Reads a file of the vault; undefined if there is none. @throws StowkenError CORRUPT_STORE */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>;
