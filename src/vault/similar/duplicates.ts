import { RecentlyUsed } from '../../core/index.js';
import { limits } from '../../model/index.js';
import type {
  ConversationFilter,
  ConversationSnapshot,
  ListPosition,
  SegmentKey,
} from '../../storage/index.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import { BandTable } from './band-table.js';
import {
  type ContentParts,
  type Contents,
  contentsOf,
  decoded,
  isOfContent,
  shinglesOf,
} from './contents.js';
import { similarityOf } from './matches.js';
import type { ShingleSet } from '../../text/index.js';
import {
  addToSketch,
  bandHashes,
  type Bands,
  bandsFor,
  emptySketch,
  mergeSketch,
  packSketch,
} from './sketch.js';

export interface DuplicatesInput {
  readonly filter: ConversationFilter;
  /** Least similarity, limits.duplicatesPercentMin to 1. */
  readonly threshold: number;
  /** Limit of the groups. */
  readonly limit: number;
}

export interface Duplicate {
  readonly id: string;
  readonly similarity: number;
  readonly tokenCount: number;
}

/** A conversation, and younger ones that are similar to it. */
export interface DuplicateGroup {
  readonly id: string;
  readonly tokenCount: number;
  readonly duplicates: readonly Duplicate[];
}

export interface DuplicatesPart {
  /** Absent while the vault is read. */
  readonly group?: DuplicateGroup;
  readonly conversations: number;
  readonly uncompared: number;
  readonly notKept: number;
}

const pageConversations = 256;

/**
 * Groups conversations, oldest first: each joins the older one that it is most similar to, or is kept to
 * compare others with. Those to compare it with are found by bands of sketches; the comparison is exact. A
 * part without a group comes after each page.
 */
export async function* findDuplicates(
  parts: ContentParts,
  { filter, threshold, limit }: DuplicatesInput,
  signal: AbortSignal,
): AsyncGenerator<DuplicatesPart, void, void> {
  const grouping = new Grouping(parts, threshold, new Turns(signal));
  const query = {
    filter,
    order: 'earliestStoreFirst',
    limit: pageConversations,
    scanLimit: limits.pageScanMax,
    signal,
  } as const;
  let after: ListPosition | undefined;
  do {
    const page = await parts.backend.listConversations({ ...query, ...(after !== undefined && { after }) });
    grouping.counts.uncompared += page.damaged?.length ?? 0;
    for (const { id } of page.conversations) {
      await grouping.add(id);
    }
    after = page.next;
    yield { ...grouping.counts };
    throwIfAborted(signal);
    await yieldToEventLoop();
  } while (after !== undefined);
  for (const group of grouping.groups(limit)) yield { group, ...grouping.counts };
}

interface Kept {
  readonly id: string;
  readonly tokenCount: number;
  readonly duplicates: Duplicate[];
}

class Grouping {
  readonly counts = { conversations: 0, uncompared: 0, notKept: 0 };
  readonly #bands: Bands;
  readonly #table = new BandTable();
  readonly #kept: Kept[] = [];
  /** Hashes of the sketches of segments. */
  readonly #sketches = new RecentlyUsed<SegmentKey, Uint32Array>(
    limits.similarMemoryBytesMax,
    ({ byteLength }) => byteLength,
  );
  /** Sets of conversations that others were compared with. */
  readonly #sets = new RecentlyUsed<number, ShingleSet>(limits.similarMemoryBytesMax, ({ bytes }) => bytes);

  constructor(
    private readonly parts: ContentParts,
    private readonly threshold: number,
    private readonly turns: Turns,
  ) {
    this.#bands = bandsFor(threshold);
  }

  async add(id: string): Promise<void> {
    const { counts } = this;
    try {
      const snapshot = await this.parts.backend.openConversation(id);
      if (snapshot === undefined) return; // It was deleted meanwhile.
      counts.conversations += 1;
      try {
        if (snapshot.conversation.totalTokens > limits.similarTokensMax) counts.uncompared += 1;
        else await this.#place(snapshot);
      } finally {
        snapshot.release();
      }
    } catch (error) {
      if (!isOfContent(error)) throw error;
      counts.uncompared += 1;
    }
  }

  /** Returns the groups with most repeated tokens. */
  groups(limit: number): DuplicateGroup[] {
    const repeated = ({ duplicates }: Kept): number =>
      duplicates.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    return this.#kept
      .filter(({ duplicates }) => duplicates.length > 0)
      .map((kept) => ({ kept, repeated: repeated(kept) }))
      .sort((a, b) => b.repeated - a.repeated)
      .slice(0, limit)
      .map(({ kept }) => kept);
  }

  async #place(snapshot: ConversationSnapshot): Promise<void> {
    const { id, totalTokens: tokenCount } = snapshot.conversation;
    const contents = await contentsOf(snapshot, this.turns);
    if (contents.size === 0) return;
    const hashes = await this.#bandsOf(contents);
    const candidates = this.#table.find(hashes, limits.duplicatesComparedMax);
    if (candidates.length > 0) {
      const own = await shinglesOf(this.parts, contents, this.turns);
      const best = await this.#mostSimilar(own, candidates);
      if (best) {
        this.#kept[best.number]!.duplicates.push({ id, similarity: best.similarity, tokenCount });
        return;
      }
    }
    if (this.#kept.length >= limits.duplicatesKeptMax) this.counts.notKept += 1;
    else this.#table.add(this.#kept.push({ id, tokenCount, duplicates: [] }) - 1, hashes);
  }

  async #mostSimilar(
    own: ShingleSet,
    candidates: readonly number[],
  ): Promise<{ readonly number: number; readonly similarity: number } | undefined> {
    let best: { number: number; similarity: number } | undefined;
    for (const number of candidates) {
      const set = await this.#setOf(number);
      if (!set) continue;
      const { similarity } = similarityOf(own, set);
      if (similarity >= this.threshold && similarity > (best?.similarity ?? 0)) best = { number, similarity };
      if (similarity === 1) break;
    }
    return best;
  }

  /** Reads the set of a conversation that is kept; undefined if it was deleted or changed too much since. */
  async #setOf(number: number): Promise<ShingleSet | undefined> {
    const known = this.#sets.get(number);
    if (known) return known;
    const snapshot = await this.parts.backend.openConversation(this.#kept[number]!.id);
    if (snapshot === undefined) return undefined;
    try {
      if (snapshot.conversation.totalTokens > limits.similarTokensMax) return undefined;
      const contents = await contentsOf(snapshot, this.turns);
      const set = await shinglesOf(this.parts, contents, this.turns);
      this.#sets.set(number, set);
      return set;
    } finally {
      snapshot.release();
    }
  }

  async #bandsOf(contents: Contents): Promise<Uint32Array> {
    const sketch = emptySketch();
    const unknown: (readonly [SegmentKey, number])[] = [];
    for (const entry of contents) {
      const hashes = this.#sketches.get(entry[0]);
      if (hashes) mergeSketch(sketch, hashes);
      else unknown.push(entry);
    }
    for await (const [key, tokens] of decoded(this.parts, unknown, this.turns)) {
      const own = emptySketch();
      addToSketch(own, tokens);
      const hashes = packSketch(own);
      this.#sketches.set(key, hashes);
      mergeSketch(sketch, hashes);
    }
    return bandHashes(sketch, this.#bands);
  }
}
