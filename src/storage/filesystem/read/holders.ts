import { type SegmentHash, StowkenError } from '../../../model/index.js';
import type { StagedCommit } from '../commit/staged-commit.js';
import type { JournaledFiles } from '../journal/journaled-files.js';
import { holdersPath } from '../layout/paths.js';
import { decodeHolders } from '../layout/records.js';

/** Reads the outside holders of segments. */
export class Holders {
  constructor(
    private readonly files: JournaledFiles,
    /** Damage of the files that could not be read when the vault was opened. */
    private readonly damaged: ReadonlyMap<SegmentHash, string>,
  ) {}

  /** Reads the segment's outside holders as the draft leaves them. @throws StowkenError CORRUPT_STORE */
  async read(draft: StagedCommit, hash: SegmentHash): Promise<ReadonlySet<string>> {
    const drafted = draft.fileAt(holdersPath(hash));
    return drafted ? this.#decode(hash, drafted.bytes) : this.stored(hash);
  }

  /** Reads the segment's outside holders. @throws StowkenError CORRUPT_STORE */
  async stored(hash: SegmentHash): Promise<ReadonlySet<string>> {
    return this.#decode(hash, await this.files.read(holdersPath(hash)));
  }

  #decode(hash: SegmentHash, bytes: Uint8Array | undefined): ReadonlySet<string> {
    const detail = this.damaged.get(hash);
    if (detail !== undefined) throw corrupt(hash, detail);
    if (!bytes) return new Set();
    try {
      return new Set(decodeHolders(bytes, hash));
    } catch (error) {
      throw corrupt(hash, error instanceof Error ? error.message : String(error));
    }
  }

  /** @throws StowkenError CORRUPT_STORE */
  assertAllRead(): void {
    for (const [hash, detail] of this.damaged) throw corrupt(hash, detail);
  }
}

function corrupt(hash: SegmentHash, detail: string): StowkenError {
  const message =
    `${holdersPath(hash)} is damaged: ${detail}; until it is restored or removed, and the vault opened again, ` +
    'nothing is deleted';
  return new StowkenError('CORRUPT_STORE', message, { segment: hash });
}
