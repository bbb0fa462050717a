import type { Codec } from '../../../codec/index.js';
import { isStowkenError, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { CheckOptions, Violation } from '../../contract/checks.js';
import type { Disk } from '../disk/disk.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** What a check has found so far, and how far it is. */
export class Findings {
  readonly violations: Violation[] = [];
  #done = 0;

  constructor(
    private readonly total: number,
    private readonly options: CheckOptions,
  ) {}

  report(invariant: string, subject: string, detail: string): void {
    this.violations.push({ invariant, subject, detail });
  }

  stray(path: string): void {
    this.report('stray-file', path, 'it is not part of the vault, and is ignored');
  }

  /** Reports a record that does not decode, and goes on. */
  async guarded(invariant: string, subject: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      this.report(invariant, subject, error.message);
    }
  }

  /** One more conversation or segment is looked at. @throws StowkenError CANCELLED */
  progress(): void {
    const { onProgress, signal } = this.options;
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the check was cancelled');
    this.#done += 1;
    onProgress?.(this.#done, this.total);
  }
}

/** What a check looks at: the files, and what is known of them since the vault was opened. */
export interface CheckedVault {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
}
