import { limits } from '../../model/index.js';
import type { ConversationSnapshot, StorageBackend } from '../../storage/index.js';
import { throwIfAborted } from '../event-loop.js';
import { openRevision } from './open-revision.js';
import { hasSegment, type SegmentSlice, slicesInRange } from './range.js';
import { failedPart, readsFrames, type RetrieveParts } from './retrieve.js';
import { SegmentTokens, type SegmentTokensParts } from './segment-tokens.js';
import type { JoinedMessages, RetrieveManyPart } from './types.js';

const ahead = { from: 0, tokens: limits.readBatchTokensMax };
/** Conversations that are read together: until they have so many tokens, or are so many. */
const GROUP_TOKENS = 32 * 1024;
const GROUP_CONVERSATIONS = 64;

/** A conversation that is open, or its failure. */
type Opened =
  | { readonly index: number; readonly snapshot: ConversationSnapshot }
  | { readonly index: number; readonly failed: RetrieveManyPart };

/**
 * Streams conversations one after the other as retrieveConversations() does, as le32, in parts of as many
 * messages as are read together: what chunks cost is more than what short messages cost. Short conversations
 * are read in groups, because frames that lie side by side, and many frames that are decoded in one call,
 * cost a fraction of what they cost one by one.
 */
export async function* retrieveJoined(
  parts: RetrieveParts,
  ids: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<readonly RetrieveManyPart[], void, void> {
  const reading = { codec: parts.codec, backend: parts.backend, recent: parts.recent.forScan() };
  for (let at = 0; at < ids.length;) {
    const group: Opened[] = [];
    try {
      await openGroup(parts.backend, ids, at, group);
      throwIfAborted(signal);
      at += group.length;
      const last = group.at(-1)!;
      const short = isShort(last) ? group : group.slice(0, -1);
      const together = await readTogether(reading, short);
      if (together) yield together;
      for (const opened of together ? group.slice(short.length) : group)
        yield* readAlone(reading, opened, signal);
    } finally {
      for (const opened of group) if ('snapshot' in opened) opened.snapshot.release();
    }
  }
}

/** Opens conversations from a place on, up to one that is not short. */
async function openGroup(
  backend: StorageBackend,
  ids: readonly string[],
  from: number,
  group: Opened[],
): Promise<void> {
  let tokens = 0;
  while (group.length < GROUP_CONVERSATIONS && from + group.length < ids.length) {
    const index = from + group.length;
    try {
      const snapshot = await openRevision(backend, ids[index]!, undefined, ahead);
      group.push({ index, snapshot });
      tokens += snapshot.conversation.totalTokens;
    } catch (error) {
      group.push({ index, failed: failedPart(index, error) });
    }
    if (tokens >= GROUP_TOKENS || !isShort(group.at(-1)!)) return;
  }
}

function isShort(opened: Opened): boolean {
  if ('failed' in opened) return true;
  const { totalTokens, messageCount } = opened.snapshot.conversation;
  const isSmall = totalTokens <= GROUP_TOKENS && messageCount <= limits.readBatchSlotsMax;
  // Frames that came with a conversation are not asked for again.
  return isSmall && !readsFrames(opened.snapshot);
}

/** Resolves to the parts of short conversations; to undefined if one fails: then each is read alone. */
async function readTogether(
  reading: SegmentTokensParts,
  group: readonly Opened[],
): Promise<RetrieveManyPart[] | undefined> {
  try {
    const lists: SegmentSlice[][] = [];
    for (const opened of group) {
      const slots: SegmentSlice[] = [];
      if ('snapshot' in opened)
        for await (const some of slicesInRange(opened.snapshot, {})) slots.push(...some);
      lists.push(slots);
    }
    const segments = lists.flat().filter(hasSegment);
    const tokens = await SegmentTokens.read(reading, segments, 'le32', limits.readBatchTokensMax);
    return group.flatMap((opened, at) => {
      if ('failed' in opened) return [opened.failed];
      const made = [headerOf(opened)];
      for (const part of joined(lists[at]!, tokens)) made.push({ index: opened.index, part });
      return made;
    });
  } catch (error) {
    failedPart(0, error);
    return undefined;
  }
}

async function* readAlone(
  reading: SegmentTokensParts,
  opened: Opened,
  signal: AbortSignal,
): AsyncGenerator<readonly RetrieveManyPart[], void, void> {
  if ('failed' in opened) {
    yield [opened.failed];
    return;
  }
  const { index, snapshot } = opened;
  const backend = readsFrames(snapshot) ? snapshot : reading.backend;
  try {
    let made = [headerOf(opened)];
    for await (const slots of slicesInRange(snapshot, {})) {
      throwIfAborted(signal);
      const segments = slots.filter(hasSegment);
      const own = { ...reading, backend };
      const tokens = await SegmentTokens.read(own, segments, 'le32', limits.readBatchTokensMax);
      for (const part of joined(slots, tokens)) made.push({ index, part });
      yield made;
      made = [];
    }
    if (made.length > 0) yield made;
  } catch (error) {
    yield [failedPart(index, error)];
  }
}

function headerOf({
  index,
  snapshot,
}: Opened & { readonly snapshot: ConversationSnapshot }): RetrieveManyPart {
  return { index, part: { kind: 'header', conversation: snapshot.conversation } };
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
