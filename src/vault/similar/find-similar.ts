import { RecentlyUsed, type TokenCore } from '../../core/index.js';
import { conversationNotFound, limits, StowkenError, type TokenRun } from '../../model/index.js';
import type { ListPosition, SegmentKey } from '../../storage/index.js';
import type { ShingleCounts, Tokenizers } from '../../text/index.js';
import { piecesOf } from '../content-pieces.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import { contentTokens, readContent } from '../write/contents.js';
import { splitMessage } from '../write/splitter.js';
import {
  type ContentParts,
  type Contents,
  contentsOf,
  isOfContent,
  joinedContents,
  tokensIn,
} from './contents.js';
import {
  Matches,
  type SimilarInput,
  type Similarity,
  type SimilarMatch,
  type SimilarResult,
  type SimilarTarget,
} from './matches.js';
import { findSimilarSegments } from './similar-segments.js';
import { Comparison, Joined } from './comparison.js';

export interface SimilarParts extends ContentParts {
  readonly core: TokenCore;
  readonly tokenizers: Tokenizers;
}

/**
 * Finds near-duplicates by reading everything that the filter selects, and each distinct segment once as long
 * as it is remembered. Most conversations are ruled out by counts of their segments; the others are compared
 * as a whole. Neither can miss one, nor answer one that is not similar.
 */
export async function findSimilar(
  parts: SimilarParts,
  input: SimilarInput,
  signal: AbortSignal,
): Promise<SimilarResult> {
  const { target } = input;
  const turns = new Turns(signal);
  if (target.kind === 'segment') return findSimilarSegments(parts, target.hash, input, turns, signal);
  const content =
    target.kind === 'conversation'
      ? await contentOfConversation(parts, target.id, turns)
      : await givenContent(parts, target, turns, signal);
  const comparison = await Comparison.with(content, parts.tokenizers, signal);
  const found = new Matches(input);
  if (comparison.size > 0) {
    const search = new SimilarSearch(parts, comparison, input.threshold, turns);
    await scan(parts, search, input, found, signal);
  }
  return found.result();
}

const pageConversations = 256;

async function scan(
  { backend }: SimilarParts,
  search: SimilarSearch,
  { filter, target }: SimilarInput,
  found: Matches,
  signal: AbortSignal,
): Promise<void> {
  // A conversation has at most as many shingles as tokens.
  const tokensMin = Math.max(filter.tokensMin ?? 0, search.shinglesMin);
  const query = {
    filter: { ...filter, tokensMin },
    order: 'newestFirst',
    limit: pageConversations,
    scanLimit: limits.pageScanMax,
    signal,
  } as const;
  let after: ListPosition | undefined;
  do {
    const page = await backend.listConversations({ ...query, ...(after !== undefined && { after }) });
    found.uncompared += page.damaged?.length ?? 0;
    for (const { id } of page.conversations) {
      if (target.kind === 'conversation' && target.id === id) continue;
      found.compared += 1;
      const match = await search.match(id);
      if (match === 'uncompared') found.uncompared += 1;
      else if (match) found.add(match);
      if (found.isFull) return;
    }
    after = page.next;
    throwIfAborted(signal);
    await yieldToEventLoop();
  } while (after !== undefined);
}

/** Compares conversations with one content. */
class SimilarSearch {
  readonly #counts = new RecentlyUsed<SegmentKey, ShingleCounts>(limits.similarMemoryBytesMax, () => 0);
  /** Least shingles of what can be similar. */
  readonly shinglesMin: number;

  constructor(
    private readonly parts: SimilarParts,
    private readonly target: Comparison,
    private readonly threshold: number,
    private readonly turns: Turns,
  ) {
    this.shinglesMin = Math.floor(threshold * target.size * (1 - 1e-9));
  }

  /** Returns a conversation if it is similar. */
  async match(id: string): Promise<SimilarMatch | 'uncompared' | undefined> {
    try {
      const snapshot = await this.parts.backend.openConversation(id);
      if (snapshot === undefined) return undefined; // It was deleted meanwhile.
      try {
        const { conversation } = snapshot;
        const { totalTokens } = conversation;
        if (totalTokens > limits.similarTokensMax) return 'uncompared';
        const contents = await contentsOf(snapshot, this.turns);
        const similarity = await this.#compare(contents);
        return similarity && { ...similarity, conversation, tokenCount: totalTokens };
      } finally {
        snapshot.release();
      }
    } catch (error) {
      if (isOfContent(error)) return 'uncompared';
      throw error;
    }
  }

  async #compare(contents: Contents): Promise<Similarity | undefined> {
    const { target, threshold } = this;
    if (tokensIn(contents) < this.shinglesMin) return undefined;
    let shared = 0;
    let others = 0;
    for (const counts of await this.#countsOf(contents)) {
      shared += counts.shared;
      others = Math.max(others, counts.others);
    }
    // Segments may have shingles in common: at most so many are shared, and at least so many are not.
    if (Math.min(shared, target.size) / (target.size + others) < threshold) return undefined;
    const similarity = await target.similarityOf(await joinedContents(this.parts, contents, this.turns));
    return similarity.similarity >= threshold ? similarity : undefined;
  }

  async #countsOf(contents: Contents): Promise<ShingleCounts[]> {
    const known: ShingleCounts[] = [];
    const unknown: (readonly [SegmentKey, number])[] = [];
    for (const entry of contents) {
      const counts = this.#counts.get(entry[0]);
      if (counts) known.push(counts);
      else unknown.push(entry);
    }
    if (unknown.length === 0) return known;
    const segments = await joinedContents(this.parts, unknown, this.turns);
    for (const [at, counts] of (await this.target.countsOf(segments)).entries()) {
      this.#counts.set(unknown[at]![0], counts);
      known.push(counts);
    }
    return known;
  }
}

async function contentOfConversation(parts: SimilarParts, id: string, turns: Turns): Promise<Joined> {
  const snapshot = await parts.backend.openConversation(id);
  if (snapshot === undefined) throw conversationNotFound(id);
  try {
    checkTokens(snapshot.conversation.totalTokens);
    return await joinedContents(parts, await contentsOf(snapshot, turns), turns);
  } finally {
    snapshot.release();
  }
}

/** Splits given content as a stored message is split. */
async function givenContent(
  { core, tokenizers }: SimilarParts,
  { content, tokenizer }: SimilarTarget & { readonly kind: 'content' },
  turns: Turns,
  signal: AbortSignal,
): Promise<Joined> {
  const { tokens, release } = await contentTokens({ tokenizers }, content, tokenizer, 'content', signal);
  try {
    const runs: TokenRun[] = [];
    let count = 0;
    for (const piece of piecesOf(tokens)) {
      const run = readContent(core, piece, 'content');
      runs.push(run);
      count += run.tokenCount;
      checkTokens(count);
      await turns.spend(run.tokenCount);
    }
    const joined = new Joined(count);
    for (const segment of splitMessage(core, runs)) {
      joined.add(core.toTokens(segment.varints));
      await turns.spend(segment.tokenCount);
    }
    return joined;
  } finally {
    release();
  }
}

function checkTokens(tokens: number): void {
  const limit = limits.similarTokensMax;
  if (tokens <= limit) return;
  throw new StowkenError(
    'REQUEST_TOO_LARGE',
    `what others are compared with has ${tokens} tokens; the limit is ${limit}`,
    { size: String(tokens), limit: String(limit) },
  );
}
