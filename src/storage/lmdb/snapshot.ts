import type { Conversation } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StoredMessage } from '../backend.js';
import type { NameOf } from './manifest.js';
import { decodeMessages } from './message-list.js';

/** A conversation's revision, from its encoded message list: a few bytes a message, decoded as it is read. */
export function createSnapshot(
  conversation: Conversation,
  list: Uint8Array,
  nameOf: NameOf,
  release: () => void,
): ConversationSnapshot {
  return {
    conversation,
    *messages(): Generator<StoredMessage, void, void> {
      for (const { segments, ...speaker } of decodeMessages(list, nameOf)) {
        yield {
          ...speaker,
          tokenCount: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
          segments: segments.map(({ id, tokenCount }) => ({ key: id as SegmentKey, tokenCount })),
        };
      }
    },
    release,
  };
}
