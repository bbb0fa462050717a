import { StowkenError, type SegmentHash } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StoredMessage } from '../backend.js';
import { distinctHashes } from '../content.js';
import type { Manifest } from './records.js';

/** A conversation's revision as its manifest has it; the manifest stays in memory until the snapshot goes. */
export function createSnapshot(
  { conversation, messages }: Manifest,
  idOf: (hash: SegmentHash) => number | undefined,
  release: () => void,
): ConversationSnapshot {
  // Now, while nothing that it names can have been collected.
  const ids = new Map([...distinctHashes(messages)].map((hash) => [hash, idOf(hash)]));
  return {
    conversation,
    *messages(): Generator<StoredMessage, void, void> {
      for (const { segments, ...speaker } of messages) {
        yield {
          ...speaker,
          tokenCount: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
          segments: segments.map(({ hash, tokenCount }) => ({ key: keyOf(hash, ids.get(hash)), tokenCount })),
        };
      }
    },
    release,
  };
}

/** @throws StowkenError CORRUPT_STORE */
function keyOf(hash: SegmentHash, id: number | undefined): SegmentKey {
  if (id !== undefined) return id as SegmentKey;
  throw new StowkenError('CORRUPT_STORE', `segment ${hash} is named and not stored`, { segment: hash });
}
