import { limits } from '../../model/index.js';
import { throwIfAborted } from '../event-loop.js';
import { openRevision } from './open-revision.js';
import { hasSegment, type SegmentSlice, slicesInRange } from './range.js';
import { failedPart, readsFrames, type RetrieveParts } from './retrieve.js';
import { SegmentTokens } from './segment-tokens.js';
import type { JoinedMessages, RetrieveManyPart } from './types.js';

const ahead = { from: 0, tokens: limits.readBatchTokensMax };

/**
 * Streams conversations one after the other as retrieveConversations() does, as le32, in parts of as many
 * messages as are read together: what chunks cost is more than what short messages cost.
 */
export async function* retrieveJoined(
  parts: RetrieveParts,
  ids: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<readonly RetrieveManyPart[], void, void> {
  const recent = parts.recent.forScan();
  for (const [index, id] of ids.entries()) {
    try {
      const snapshot = await openRevision(parts.backend, id, undefined, ahead);
      try {
        const reading = {
          codec: parts.codec,
          recent,
          backend: readsFrames(snapshot) ? snapshot : parts.backend,
        };
        const { conversation } = snapshot;
        let made: RetrieveManyPart[] = [{ index, part: { kind: 'header', conversation } }];
        for await (const slots of slicesInRange(snapshot, {})) {
          throwIfAborted(signal);
          const tokens = await SegmentTokens.read(reading, slots.filter(hasSegment), 'le32');
          for (const part of joined(slots, tokens)) made.push({ index, part });
          yield made;
          made = [];
        }
        if (made.length > 0) yield made;
      } finally {
        snapshot.release();
      }
    } catch (error) {
      yield [failedPart(index, error)];
    }
  }
}

/** Joins slices, which are whole segments, to parts of bounded size. @throws StowkenError CORRUPT_SEGMENT */
function* joined(
  slots: readonly SegmentSlice[],
  tokens: SegmentTokens,
): Generator<JoinedMessages, void, void> {
  let part = new Part();
  for (const { first, message, key } of slots) {
    if (first) part.messages.push(message);
    if (key === undefined) continue;
    let piece = tokens.next();
    while (part.bytes + piece.length > limits.chunkBytesMax) {
      const room = limits.chunkBytesMax - part.bytes;
      part.add(piece.subarray(0, room));
      piece = piece.subarray(room);
      yield part;
      part = new Part();
    }
    part.add(piece);
  }
  if (part.messages.length > 0 || part.bytes > 0) yield part;
}

class Part implements JoinedMessages {
  readonly kind = 'joined';
  readonly pieces: Uint8Array[] = [];
  readonly messages: JoinedMessages['messages'][number][] = [];
  bytes = 0;

  add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }
}
