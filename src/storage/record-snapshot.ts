import type { Conversation, MessageRecord } from '../model/index.js';
import type { SegmentKey } from './change.js';
import type { ConversationSnapshot } from './queries.js';

/** A revision whose message records are all in memory, and stay there until the snapshot goes. */
export function createRecordSnapshot(
  { conversation, messages }: { conversation: Conversation; messages: readonly MessageRecord[] },
  keyOf: (hash: string) => SegmentKey,
  release: () => void,
): ConversationSnapshot {
  return {
    conversation,
    *messages(from = 0) {
      for (let number = from; number < messages.length; number++) {
        const record = messages[number] as MessageRecord;
        const { segments, ...speaker } = record;
        yield {
          ...speaker,
          tokenCount: tokensOf(record),
          segments: segments.map(({ hash, tokenCount }) => ({ key: keyOf(hash), tokenCount })),
        };
      }
    },
    locate(tokenOffset) {
      let tokensBefore = 0;
      for (const [message, record] of messages.entries()) {
        const tokens = tokensOf(record);
        if (tokenOffset < tokensBefore + tokens) return { message, tokensBefore };
        tokensBefore += tokens;
      }
      return { message: messages.length, tokensBefore };
    },
    release,
  };
}

export function tokensOf({ segments }: MessageRecord): number {
  return segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}
