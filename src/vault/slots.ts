import type { SegmentKey, StoredMessage } from '../storage/index.js';

/** What of one segment is asked for at one place of a conversation; or an empty message. */
export interface Slot {
  readonly messageIndex: number;
  readonly message: StoredMessage;
  /** Undefined in an empty message. */
  readonly key: SegmentKey | undefined;
  /** Of the whole segment. */
  readonly tokenCount: number;
  /** The tokens asked for: from this one of the segment, up to but without that one. */
  readonly from: number;
  readonly to: number;
  /** Where in the message the slot begins, in tokens. */
  readonly tokenOffset: number;
  /** Whether nothing of the message comes before. */
  readonly first: boolean;
  /** Whether nothing more of it is asked for, and whether the message ends here. */
  readonly last: boolean;
  readonly endOfMessage: boolean;
}

/** A slot with tokens. */
export type SegmentSlot = Slot & { readonly key: SegmentKey };

export function hasSegment(slot: Slot): slot is SegmentSlot {
  return slot.key !== undefined;
}

/** The slots of a message, or of its tokens from one up to another, which may lie outside it. */
export function messageSlots(
  messageIndex: number,
  message: StoredMessage,
  from: number,
  to: number,
): Iterable<Slot> {
  const { segments, tokenCount } = message;
  // Most messages are one segment, and asked for as a whole.
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
): Generator<Slot, void, void> {
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
