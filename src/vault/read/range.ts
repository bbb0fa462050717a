import { limits, rangePastEnd, StowkenError, countOf } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StoredMessage } from '../../storage/index.js';
import type { RetrieveRange } from './types.js';

/**
 * Yields the slices of a range without reading the messages before it, in batches small enough to hold:
 * bounded in tokens (or one segment) and in number. A range of messages and a range of tokens give their
 * intersection. An empty message is in a range of tokens if its place is: at the first token or after it, and
 * before the token behind the last; at the conversation's end, with the last token.
 * @throws StowkenError RANGE_PAST_END
 */
export async function* slicesInRange(
  snapshot: ConversationSnapshot,
  range: RetrieveRange,
): AsyncGenerator<readonly SegmentSlice[], void, void> {
  const { id, totalTokens, messageCount } = snapshot.conversation;
  const messages = bounds(range.messageOffset, range.messageLimit);
  const tokens = bounds(range.tokenOffset, range.tokenLimit);
  checkStart(id, 'message_offset', messages.from, messageCount);
  checkStart(id, 'token_offset', tokens.from, totalTokens);
  if (tokens.from > 0 && tokens.from === totalTokens) return;

  const start = await firstMessage(snapshot, messages.from, tokens);
  let position = start.tokensBefore;
  let index = start.message;
  let batch: SegmentSlice[] = [];
  let batchTokens = 0;
  for await (const read of readsFrom(snapshot, index)) {
    for (const message of read) {
      if (index >= messages.to || position > tokens.to) {
        if (batch.length > 0) yield batch;
        return;
      }
      const end = position + message.tokenCount;
      const isIn =
        message.tokenCount > 0
          ? end > tokens.from && position < tokens.to
          : position >= tokens.from && (position < tokens.to || position === totalTokens);
      if (isIn && index >= messages.from) {
        for (const slot of messageSlices(index, message, tokens.from - position, tokens.to - position)) {
          const full =
            batchTokens + slot.tokenCount > limits.readBatchTokensMax ||
            batch.length >= limits.readBatchSlotsMax;
          if (full && batch.length > 0) {
            yield batch;
            batch = [];
            batchTokens = 0;
          }
          batch.push(slot);
          batchTokens += slot.tokenCount;
        }
      }
      position = end;
      index += 1;
    }
  }
  if (batch.length > 0) yield batch;
}

/** Messages of the first read of a range. Each further read takes twice as many: most ranges are short. */
const FIRST_READ_MESSAGES = 32;

/** Yields the messages from number `from` to the end, in reads. @throws StowkenError CORRUPT_STORE */
async function* readsFrom(
  snapshot: ConversationSnapshot,
  from: number,
): AsyncGenerator<readonly StoredMessage[], void, void> {
  const { id, messageCount } = snapshot.conversation;
  let messagesMax = FIRST_READ_MESSAGES;
  for (let at = from; at < messageCount;) {
    const messages = await snapshot.read(at, messagesMax);
    if (messages.length === 0) throw endsEarly(id, at, messageCount);
    yield messages;
    at += messages.length;
    messagesMax = Math.min(2 * messagesMax, limits.readBatchSlotsMax);
  }
}

/** Returns the error of a message list that is shorter than its conversation. */
export function endsEarly(id: string, messages: number, messageCount: number): StowkenError {
  const sentence = `conversation ${JSON.stringify(id)} has ${messages} of ${countOf(messageCount, 'message')}`;
  return new StowkenError('CORRUPT_STORE', sentence, { conversation: id });
}

interface Bounds {
  readonly from: number;
  /** Exclusive end; Infinity without a limit. */
  readonly to: number;
}

function bounds(offset = 0, limit = 0): Bounds {
  return { from: offset, to: limit === 0 ? Infinity : offset + limit };
}

function checkStart(id: string, field: string, offset: number, end: number): void {
  if (offset > end) throw rangePastEnd(id, field, offset, end);
}

/** Returns the first message to look at, and the tokens before it. */
async function firstMessage(snapshot: ConversationSnapshot, messageOffset: number, tokens: Bounds) {
  // Search for the token before the first one, because empty messages between the two are in the range.
  const found = tokens.from === 0 ? { message: 0, tokensBefore: 0 } : await snapshot.locate(tokens.from - 1);
  if (messageOffset <= found.message) return found;
  // Everything behind the message found lies after the first token. Without a last token, positions do not
  // matter.
  return tokens.to === Infinity ? { message: messageOffset, tokensBefore: tokens.from } : found;
}

/** The part of one segment that is asked for, at one place of a conversation; or an empty message. */
export interface SegmentSlice {
  readonly messageIndex: number;
  readonly message: StoredMessage;
  /** Undefined for an empty message. */
  readonly key: SegmentKey | undefined;
  /** Tokens of the whole segment. */
  readonly tokenCount: number;
  /** Tokens asked for, as offsets in the segment; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Offset of the slice in its message, in tokens. */
  readonly tokenOffset: number;
  /** True if it is the message's first slice. */
  readonly first: boolean;
  /**
   * `last` is true if no other slice of the message follows; `endOfMessage` is true if the message ends here.
   */
  readonly last: boolean;
  readonly endOfMessage: boolean;
}

/** A slice that has tokens. */
export type StoredSlice = SegmentSlice & { readonly key: SegmentKey };

export function hasSegment(slot: SegmentSlice): slot is StoredSlice {
  return slot.key !== undefined;
}

/** Returns the slices of a message, or of its tokens in a range that may exceed the message. */
export function messageSlices(
  messageIndex: number,
  message: StoredMessage,
  from: number,
  to: number,
): Iterable<SegmentSlice> {
  const { segments, tokenCount } = message;
  // Most messages are one segment and are asked for as a whole.
  if (segments.length > 1 || from > 0 || to < tokenCount) return partSlots(messageIndex, message, from, to);
  return [
    {
      messageIndex,
      message,
      key: segments[0]?.key,
      tokenCount,
      from: 0,
      to: tokenCount,
      tokenOffset: 0,
      first: true,
      last: true,
      endOfMessage: true,
    },
  ];
}

function* partSlots(
  messageIndex: number,
  message: StoredMessage,
  from: number,
  to: number,
): Generator<SegmentSlice, void, void> {
  let start = 0;
  let first = true;
  for (const { key, tokenCount } of message.segments) {
    const end = start + tokenCount;
    if (end > from && start < to) {
      const begin = Math.max(0, from - start);
      const stop = Math.min(tokenCount, to - start);
      const endOfMessage = start + stop === message.tokenCount;
      yield {
        messageIndex,
        message,
        key,
        tokenCount,
        from: begin,
        to: stop,
        tokenOffset: start + begin,
        first,
        last: endOfMessage || end >= to,
        endOfMessage,
      };
      first = false;
    }
    start = end;
  }
}
