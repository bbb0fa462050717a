import type { Codec } from '../../codec/index.js';
import { isStowkenError, limits, StowkenError, countOf } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StorageBackend } from '../../storage/index.js';
import type { Turns } from '../event-loop.js';
import { type SegmentTokenCache, SegmentTokens } from '../read/segment-tokens.js';
import { ShingleSet } from '../../text/index.js';
import { Joined } from './comparison.js';

export interface ContentParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly recent: SegmentTokenCache;
}

/** Distinct segments of content, with their tokens. */
export type Contents = ReadonlyMap<SegmentKey, number>;

/** Reads the distinct segments of a conversation, without those of fields. */
export async function contentsOf(snapshot: ConversationSnapshot, turns: Turns): Promise<Contents> {
  const contents = new Map<SegmentKey, number>();
  const { id, messageCount } = snapshot.conversation;
  for (let at = 0; at < messageCount;) {
    const messages = await snapshot.read(at, limits.readBatchSlotsMax);
    if (messages.length === 0) {
      const sentence = `conversation ${JSON.stringify(id)} has ${at} of ${countOf(messageCount, 'message')}`;
      throw new StowkenError('CORRUPT_STORE', sentence, { conversation: id });
    }
    for (const { segments } of messages)
      for (const { key, tokenCount } of segments) contents.set(key, tokenCount);
    at += messages.length;
    await turns.spend(0, messages);
  }
  return contents;
}

/** Yields segments with their tokens, decoded in batches. */
export async function* decoded(
  parts: ContentParts,
  contents: Iterable<readonly [SegmentKey, number]>,
  turns: Turns,
): AsyncGenerator<readonly [SegmentKey, Uint32Array], void, void> {
  const reader = { ...parts, recent: parts.recent.forCall() };
  for (const batch of batches(contents)) {
    const tokens = await SegmentTokens.read(reader, batch, 'le32');
    for (const { key } of batch) yield [key, asTokens(tokens.next())];
    await turns.spend(batch.reduce((sum, { tokenCount }) => sum + tokenCount, 0));
  }
}

/** Builds the set of shingles of some segments. */
export async function shinglesOf(parts: ContentParts, contents: Contents, turns: Turns): Promise<ShingleSet> {
  const set = new ShingleSet(tokensIn(contents));
  for await (const [, tokens] of decoded(parts, contents, turns)) set.add(tokens);
  return set;
}

/** Reads segments, back to back in the order given. */
export async function joinedContents(
  parts: ContentParts,
  contents: Iterable<readonly [SegmentKey, number]>,
  turns: Turns,
): Promise<Joined> {
  const entries = [...contents];
  const joined = new Joined(entries.reduce((sum, [, tokenCount]) => sum + tokenCount, 0));
  for await (const [, tokens] of decoded(parts, entries, turns)) joined.add(tokens);
  return joined;
}

export function tokensIn(contents: Contents): number {
  let tokens = 0;
  for (const count of contents.values()) tokens += count;
  return tokens;
}

/** Returns le32 as numbers. */
export function asTokens(le32: Uint8Array): Uint32Array {
  const { buffer, byteOffset, byteLength } = byteAligned(le32);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** True for failures of content, beside which others can be compared. */
export function isOfContent(error: unknown): boolean {
  return (
    isStowkenError(error, 'CORRUPT_SEGMENT') ||
    isStowkenError(error, 'CORRUPT_STORE') ||
    isStowkenError(error, 'SEGMENT_NOT_FOUND')
  );
}

interface Part {
  readonly key: SegmentKey;
  readonly tokenCount: number;
}

function* batches(contents: Iterable<readonly [SegmentKey, number]>): Generator<Part[], void, void> {
  let batch: Part[] = [];
  let tokens = 0;
  for (const [key, tokenCount] of contents) {
    const isFull =
      tokens + tokenCount > limits.readBatchTokensMax || batch.length >= limits.readBatchSlotsMax;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push({ key, tokenCount });
    tokens += tokenCount;
  }
  if (batch.length > 0) yield batch;
}

function byteAligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
}
