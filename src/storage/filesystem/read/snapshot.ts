import { StowkenError, type SegmentHash } from '../../../model/index.js';
import type { SegmentKey } from '../../change.js';
import { distinctHashes } from '../../content.js';
import type { ConversationSnapshot } from '../../queries.js';
import { createRecordSnapshot } from '../../record-snapshot.js';
import type { Manifest } from '../layout/manifest-record.js';

/** A conversation's revision as its manifest has it. */
export function createSnapshot(
  manifest: Manifest,
  idOf: (hash: SegmentHash) => number | undefined,
  release: () => void,
): ConversationSnapshot {
  // Now, while nothing that it names can have been collected.
  const ids = new Map([...distinctHashes(manifest.messages)].map((hash) => [hash, idOf(hash)]));
  return createRecordSnapshot(manifest, (hash) => keyOf(hash, ids.get(hash)), release);
}

/** @throws StowkenError CORRUPT_STORE */
function keyOf(hash: SegmentHash, id: number | undefined): SegmentKey {
  if (id !== undefined) return id as SegmentKey;
  throw new StowkenError('CORRUPT_STORE', `segment ${hash} is named and not stored`, { segment: hash });
}
