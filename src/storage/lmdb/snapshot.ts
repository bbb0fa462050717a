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
  function* messages(from = 0): Generator<StoredMessage, void, void> {
    let number = 0;
    for (const { segments, ...speaker } of decodeMessages(list, nameOf)) {
      if (number++ < from) continue;
      yield {
        ...speaker,
        tokenCount: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
        segments: segments.map(({ id, tokenCount }) => ({ key: id as SegmentKey, tokenCount })),
      };
    }
  }
  return {
    conversation,
    messages,
    locate(tokenOffset) {
      let message = 0;
      let tokensBefore = 0;
      for (const { tokenCount } of messages()) {
        if (tokenOffset < tokensBefore + tokenCount) break;
        tokensBefore += tokenCount;
        message += 1;
      }
      return { message, tokensBefore };
    },
    release,
  };
}
