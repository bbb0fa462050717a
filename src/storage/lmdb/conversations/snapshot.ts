import type { SegmentKey } from '../../change.js';
import type { ConversationSnapshot, StoredMessage } from '../../queries.js';
import type { StoredManifest } from './conversations.js';
import type { NameOf } from './manifest.js';
import { locateToken, messagesOf } from './stored-list.js';

/**
 * A conversation's revision, from its record: a few bytes for each page, and the tail. A page is read when it
 * is come to, and is there for as long as the lease that `release` ends.
 */
export function createSnapshot(
  { conversation, list }: StoredManifest,
  pageOf: (id: number) => Uint8Array,
  nameOf: NameOf,
  release: () => void,
): ConversationSnapshot {
  return {
    conversation,
    *messages(from = 0): Generator<StoredMessage, void, void> {
      for (const { segments, ...speaker } of messagesOf(list, pageOf, nameOf, from)) {
        yield {
          ...speaker,
          tokenCount: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
          segments: segments.map(({ id, tokenCount }) => ({ key: id as SegmentKey, tokenCount })),
        };
      }
    },
    locate: (tokenOffset) => locateToken(list, pageOf, nameOf, tokenOffset),
    release,
  };
}
