import { limits } from '../model/index.js';
import type { SegmentKey, StoredMessage } from '../storage/index.js';

/** What of one segment is asked for at one place of a conversation; or an empty message. */
export interface Slot {
  readonly messageIndex: number;
  readonly message: StoredMessage;
  /** Absent in an empty message. */
  readonly segment: SlotSegment | undefined;
  /** Where in the message the slot begins, in tokens. */
  readonly tokenOffset: number;
  /** Whether nothing of the message comes before. */
  readonly first: boolean;
  /** Whether nothing more of it is asked for, and whether the message ends here. */
  readonly last: boolean;
  readonly endOfMessage: boolean;
}

export interface SlotSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  /** The tokens asked for: from this one of the segment, up to but without that one. */
  readonly from: number;
  readonly to: number;
}

/** The slots of a message, or of its tokens from one up to another, which may lie outside it. */
export function* messageSlots(
  messageIndex: number,
  message: StoredMessage,
  from = 0,
  to = Infinity,
): Generator<Slot, void, void> {
  const { segments, tokenCount } = message;
  if (segments.length === 0) {
    yield {
      messageIndex,
      message,
      segment: undefined,
      tokenOffset: 0,
      first: true,
      last: true,
      endOfMessage: true,
    };
    return;
  }
  let start = 0;
  let first = true;
  for (const { key, tokenCount: count } of segments) {
    const end = start + count;
    if (end > from && start < to) {
      const segment = {
        key,
        tokenCount: count,
        from: Math.max(0, from - start),
        to: Math.min(count, to - start),
      };
      const endOfMessage = start + segment.to === tokenCount;
      const last = endOfMessage || end >= to;
      const tokenOffset = start + segment.from;
      yield { messageIndex, message, segment, tokenOffset, first, last, endOfMessage };
      first = false;
    }
    start = end;
  }
}

/** Slots in batches small enough to hold: bounded in tokens (or one segment) and in number. */
export function* inBatches(slots: Iterable<Slot>): Generator<Slot[], void, void> {
  let batch: Slot[] = [];
  let tokens = 0;
  for (const slot of slots) {
    const tokenCount = slot.segment?.tokenCount ?? 0;
    const full = tokens + tokenCount > limits.readBatchTokensMax || batch.length >= limits.readBatchSlotsMax;
    if (full && batch.length > 0) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(slot);
    tokens += tokenCount;
  }
  if (batch.length > 0) yield batch;
}
