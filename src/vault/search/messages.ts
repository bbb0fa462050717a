import type { Codec } from '../../codec/index.js';
import { RecentlyUsed, type TokenCore } from '../../core/index.js';
import { isStowkenError, limits } from '../../model/index.js';
import type { ConversationSnapshot, StorageBackend, StoredMessage } from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import { messageSlices, type SegmentSlice } from '../read/range.js';
import { oneByOne, tokenChunks } from '../read/retrieve.js';
import type { SegmentTokenCache } from '../read/segment-tokens.js';
import { textChunks } from '../read/text-chunks.js';
import type { Needle } from './needle.js';
import { type TextHit, TextSearch } from './text-hits.js';
import type { SearchThreads } from './threads.js';

export interface SearchParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly core: TokenCore;
  readonly tokenizers: Tokenizers;
  readonly recent: SegmentTokenCache;
  readonly searchThreads: SearchThreads;
}

/** A message to search, with its index. */
export interface IndexedMessage {
  readonly index: number;
  readonly message: StoredMessage;
  /** Hits before this offset are left out. */
  readonly fromOffset: number;
}

/** Undefined: the message cannot be given as text. */
type Outcome = readonly TextHit[] | undefined;

/** Rough size of a remembered outcome without its snippets. */
const outcomeBytes = 200;

/**
 * Searches messages, each distinct content once: outcomes are remembered by the segments of a message, in as
 * much memory as limits.searchMemoryBytesMax says.
 */
export class MessageSearch {
  private readonly known = new RecentlyUsed<string, { readonly outcome: Outcome }>(
    limits.searchMemoryBytesMax,
    ({ outcome = [] }) => outcome.reduce((sum, hit) => sum + outcomeBytes + hit.snippet.length, outcomeBytes),
  );

  constructor(
    private readonly parts: SearchParts,
    private readonly needle: Needle,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Returns the hits of each message, at most `hitsMax` of one. Rejects with CANCELLED.
   */
  async hitsOf(
    snapshot: ConversationSnapshot,
    messages: readonly IndexedMessage[],
    hitsMax: number,
  ): Promise<readonly Outcome[]> {
    const { tokenizer } = snapshot.conversation;
    if (!(await this.parts.tokenizers.has(tokenizer))) {
      return messages.map(({ message }) => (message.tokenCount === 0 ? [] : undefined));
    }
    const found = new Map<string, Outcome>();
    const keys = messages.map(({ message, fromOffset }) =>
      [tokenizer, fromOffset, ...message.segments.map(({ key }) => key)].join(' '),
    );
    const unknown = messages.filter(({ message }, at) => {
      const key = keys[at]!;
      if (found.has(key)) return false;
      const known = this.known.get(key);
      found.set(key, known ? known.outcome : []);
      return known === undefined && message.tokenCount > 0;
    });
    const keyOf = new Map(messages.map(({ index }, at) => [index, keys[at]!]));
    const offsets = new Map(messages.map(({ index, fromOffset }) => [index, fromOffset]));
    const begin = (index: number) => new TextSearch(this.needle, offsets.get(index) ?? 0, hitsMax);
    for (const group of groups(unknown)) {
      for (const [index, outcome] of await this.searched(snapshot, group, begin)) {
        const key = keyOf.get(index)!;
        found.set(key, outcome);
        // An outcome that the limit cut off is not the whole.
        if ((outcome?.length ?? 0) < hitsMax) this.known.set(key, { outcome });
      }
    }
    return keys.map((key) => found.get(key));
  }

  /** Searches messages together; if that fails for their content, each by itself. */
  private async searched(
    snapshot: ConversationSnapshot,
    group: readonly IndexedMessage[],
    begin: (index: number) => TextSearch,
  ): Promise<ReadonlyMap<number, Outcome>> {
    try {
      return await this.decoded(snapshot, group, begin);
    } catch (error) {
      if (!isOfContent(error)) throw error;
      if (group.length === 1) return new Map([[group[0]!.index, undefined]]);
    }
    const outcomes = new Map<number, Outcome>();
    for (const one of group) {
      for (const [index, outcome] of await this.searched(snapshot, [one], begin))
        outcomes.set(index, outcome);
    }
    return outcomes;
  }

  private async decoded(
    snapshot: ConversationSnapshot,
    group: readonly IndexedMessage[],
    begin: (index: number) => TextSearch,
  ): Promise<ReadonlyMap<number, Outcome>> {
    const { parts, signal } = this;
    const { tokenizer } = snapshot.conversation;
    const chunks = oneByOne(tokenChunks(parts, slicesOf(group), 'le32', signal, (chunk) => chunk));
    const texts = textChunks(chunks, (items) => parts.tokenizers.decode(tokenizer, items, signal));
    const outcomes = new Map<number, Outcome>();
    let search: TextSearch | undefined;
    for await (const { chunk, text } of texts) {
      search ??= begin(chunk.messageIndex);
      search.push(text);
      if (!chunk.endOfMessage) continue;
      outcomes.set(chunk.messageIndex, search.finish());
      search = undefined;
    }
    return outcomes;
  }
}

/** True for failures of a message's content, beside which others can be searched. */
export function isOfContent(error: unknown): boolean {
  return (
    isStowkenError(error, 'UNDECODABLE_TOKEN') ||
    isStowkenError(error, 'CORRUPT_SEGMENT') ||
    isStowkenError(error, 'CORRUPT_STORE')
  );
}

/** Splits messages into groups that are read together. */
function* groups(messages: readonly IndexedMessage[]): Generator<IndexedMessage[], void, void> {
  let group: IndexedMessage[] = [];
  let tokens = 0;
  for (const one of messages) {
    if (group.length > 0 && tokens + one.message.tokenCount > limits.readBatchTokensMax) {
      yield group;
      group = [];
      tokens = 0;
    }
    group.push(one);
    tokens += one.message.tokenCount;
  }
  if (group.length > 0) yield group;
}

/** Yields the segments of a group in batches, of which one is held at a time. */
async function* slicesOf(
  group: readonly IndexedMessage[],
): AsyncGenerator<readonly SegmentSlice[], void, void> {
  let batch: SegmentSlice[] = [];
  let tokens = 0;
  for (const { index, message } of group) {
    for (const slice of messageSlices(index, message, 0, message.tokenCount)) {
      const isFull =
        tokens + slice.tokenCount > limits.readBatchTokensMax || batch.length >= limits.readBatchSlotsMax;
      if (isFull && batch.length > 0) {
        yield batch;
        batch = [];
        tokens = 0;
      }
      batch.push(slice);
      tokens += slice.tokenCount;
    }
  }
  if (batch.length > 0) yield batch;
}
