import { limits } from '../model/index.js';
import type { SegmentKey, StoredMessage } from '../storage/index.js';

/** One segment's place in a conversation, or an empty message. */
export interface Slot {
  readonly messageIndex: number;
  readonly message: StoredMessage;
  /** Absent in an empty message. */
  readonly segment: { readonly key: SegmentKey; readonly tokenCount: number } | undefined;
  readonly first: boolean;
  readonly last: boolean;
}

/** The places in order, in batches small enough to hold: bounded in tokens (or one segment) and in number. */
export function* slotBatches(messages: Iterable<StoredMessage>): Generator<Slot[]> {
  let batch: Slot[] = [];
  let tokens = 0;
  let messageIndex = 0;
  for (const message of messages) {
    const { segments } = message;
    for (let i = 0; i < Math.max(1, segments.length); i++) {
      const segment = segments[i];
      const tokenCount = segment?.tokenCount ?? 0;
      const full =
        tokens + tokenCount > limits.readBatchTokensMax || batch.length >= limits.readBatchSlotsMax;
      if (full && batch.length > 0) {
        yield batch;
        batch = [];
        tokens = 0;
      }
      batch.push({ messageIndex, message, segment, first: i === 0, last: i >= segments.length - 1 });
      tokens += tokenCount;
    }
    messageIndex++;
  }
  if (batch.length > 0) yield batch;
}
