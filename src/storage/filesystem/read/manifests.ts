import { type SegmentHash, StowkenError } from '../../../model/index.js';
import type { SegmentKey } from '../../contract/change.js';
import type { ConversationSnapshot } from '../../contract/queries.js';
import { createRecordSnapshot, distinctHashes } from '../../shared/records.js';
import type { StagedCommit } from '../commit/staged-commit.js';
import type { JournaledFiles } from '../journal/journaled-files.js';
import { decodeManifest, type Manifest } from '../layout/manifest-record.js';
import { manifestName, manifestPath } from '../layout/paths.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** Limit of the comparisons of a file with the index, before a difference counts as damage. */
const LOOKS_MAX = 100;

/**
 * Reads manifests, and knows those that cannot be read: their segments are unknown, so nothing is garbage for
 * sure.
 */
export class Manifests {
  constructor(
    private readonly files: JournaledFiles,
    private readonly index: VaultIndex,
    /** Damage, by file name, of manifests that could not be read when the vault was opened. */
    readonly damaged: ReadonlyMap<string, string>,
  ) {}

  /** Reads a manifest as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  async read(draft: StagedCommit, id: string): Promise<Manifest | undefined> {
    this.assertNotDamaged(id);
    const entry = draft.conversation(id);
    if (!entry) return undefined;
    const path = manifestPath(id);
    const drafted = draft.fileAt(path);
    const bytes = drafted ? drafted.bytes : await this.files.read(path);
    const manifest = decodeOf(id, bytes);
    if (manifest.number === entry.number && manifest.conversation.revision === entry.conversation.revision) {
      return manifest;
    }
    throw corrupt(id, 'it is not the one that was read before');
  }

  /**
   * Reads the last committed revision, even if there are commits meanwhile.
   * @throws StowkenError CORRUPT_STORE
   */
  async readCurrent(id: string): Promise<Manifest | undefined> {
    this.assertNotDamaged(id);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const entry = this.index.conversation(id);
      if (!entry) return undefined;
      const bytes = await this.files.read(manifestPath(id));
      const { number, conversation } = entry;
      const manifest = bytes && decodeOf(id, bytes);
      if (manifest?.number === number && manifest.conversation.revision === conversation.revision)
        return manifest;
      // A commit was made between the two looks, or is about to be published.
      if (this.index.conversation(id) !== entry) looks = 0;
      await new Promise(setImmediate);
    }
    throw corrupt(id, 'it is not the one that was read before');
  }

  /** @throws StowkenError CORRUPT_STORE */
  assertNotDamaged(id: string): void {
    const detail = this.damaged.get(manifestName(id));
    if (detail !== undefined) throw corrupt(id, detail);
  }

  /** @throws StowkenError CORRUPT_STORE */
  assertAllRead(): void {
    for (const [name, detail] of this.damaged) {
      throw new StowkenError(
        'CORRUPT_STORE',
        `manifests/${name} is damaged: ${detail}; until it is restored or removed, and the vault opened again, ` +
          'there is no full list, and nothing is collected',
        { manifest: name },
      );
    }
  }
}

function decodeOf(id: string, bytes: Uint8Array | undefined): Manifest {
  if (!bytes) throw corrupt(id, 'it is gone');
  let manifest;
  try {
    manifest = decodeManifest(bytes);
  } catch (error) {
    throw corrupt(id, error instanceof Error ? error.message : String(error));
  }
  if (manifest.conversation.id !== id) throw corrupt(id, 'it is of another conversation');
  return manifest;
}

function corrupt(id: string, detail: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `the manifest of conversation ${id}: ${detail}`, {
    conversation: id,
  });
}

/** Creates a snapshot of a conversation's revision from its manifest. */
export function createSnapshot(
  manifest: Manifest,
  idOf: (hash: SegmentHash) => number | undefined,
  release: () => void,
): ConversationSnapshot {
  // Looked up now, while none of its segments can have been collected.
  const ids = new Map([...distinctHashes(manifest.messages)].map((hash) => [hash, idOf(hash)]));
  return createRecordSnapshot(manifest, (hash) => keyOf(hash, ids.get(hash)), release);
}

/** @throws StowkenError CORRUPT_STORE */
function keyOf(hash: SegmentHash, id: number | undefined): SegmentKey {
  if (id !== undefined) return id as SegmentKey;
  throw new StowkenError('CORRUPT_STORE', `segment ${hash} is named and not stored`, { segment: hash });
}
