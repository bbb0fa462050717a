import { decodeBoundedChunk, encodeBoundedChunk } from '../tables/bounded-chunk.js';
import { GROUP_RANGE } from './dimensions.js';
import type { Table } from '../tables/table.js';
import {
  decodePostings,
  encodePostings,
  noPostings,
  placeOf,
  type PostingChange,
  type Postings,
  splitPostings,
  withChanges,
} from './posting-chunk.js';

const KEY_PREFIX = 1;
/** Whole key of the first chunk, which has every entry from the least on. */
const firstKey = Buffer.of(KEY_PREFIX);
const NUMBER_BYTES = 6;
const KEY_BYTES = 2 + 2 * NUMBER_BYTES;

/** Returns the least key of a chunk that may have this entry: dimension, group in it, number. */
export function postingKey(group: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key[0] = KEY_PREFIX;
  key[1] = Math.floor(group / GROUP_RANGE);
  key.writeUIntBE(group % GROUP_RANGE, 2, NUMBER_BYTES);
  key.writeUIntBE(number, 2 + NUMBER_BYTES, NUMBER_BYTES);
  return key;
}

/** A chunk of the index, with the begin of the next one; undefined: it is the last. */
interface Chunk extends Postings {
  readonly key: Buffer;
  readonly end: Buffer | undefined;
}

/**
 * Conversations by what lists look for, in chunks as a key index has them: the chunks leave no gap, so an
 * entry that is not found is proven absent, and a chunk that is missing is CORRUPT_STORE.
 */
export class PostingIndex {
  constructor(protected readonly table: Table<Buffer>) {}

  /** Returns the chunk that has this entry, or would have it. @throws StowkenError CORRUPT_STORE */
  chunkAt(group: number, number: number): Chunk {
    const wanted = postingKey(group, number);
    const floor = this.table.floorKey(wanted);
    if (floor === undefined) {
      if (!this.table.isEmpty()) throw this.#missing(firstKey);
      return { key: firstKey, end: undefined, ...noPostings };
    }
    const chunk = this.read(floor);
    if (chunk.end !== undefined && chunk.end.compare(wanted) <= 0) throw this.#missing(chunk.end);
    return chunk;
  }

  /** @throws StowkenError CORRUPT_STORE */
  after({ end }: Chunk): Chunk | undefined {
    return end && this.read(end);
  }

  /** @throws StowkenError CORRUPT_STORE */
  before({ key }: Chunk): Chunk | undefined {
    if (key.equals(firstKey)) return undefined;
    const before = this.table.keyBefore(key);
    if (before === undefined) throw this.#missing(firstKey);
    const chunk = this.read(before);
    if (!chunk.end?.equals(key)) throw this.table.corrupt(key, 'follows no chunk that ends there');
    return chunk;
  }

  /** Returns the groups with entries from the first to the last. @throws StowkenError CORRUPT_STORE */
  groupsIn(first: number, last: number): number[] {
    const found: number[] = [];
    for (let group = first; group <= last; group++) {
      let chunk: Chunk | undefined = this.chunkAt(group, 0);
      let at = placeOf(chunk, group, 0);
      while (chunk && at === chunk.groups.length) {
        chunk = this.after(chunk);
        at = 0;
      }
      const next = chunk?.groups[at];
      if (next === undefined || next > last) break;
      found.push((group = next));
    }
    return found;
  }

  protected read(key: Buffer): Chunk {
    const record = this.table.get(key);
    if (!record) throw this.#missing(key);
    const { end, entries } = decodeBoundedChunk(key, record);
    return { key, end, ...decodePostings(entries) };
  }

  #missing(key: Buffer) {
    return this.table.corrupt(key, 'is missing: the chunk before it ends there');
  }
}

/** Chunks that are remembered. */
const CHUNKS_MAX = 64;

/** The index as a search reads it that goes to and fro. Valid while no record changes. */
export class RememberingPostingIndex extends PostingIndex {
  readonly #known = new Map<string, Chunk>();

  protected override read(key: Buffer): Chunk {
    const name = key.toString('latin1');
    const known = this.#known.get(name);
    if (known) return known;
    const chunk = super.read(key);
    if (this.#known.size === CHUNKS_MAX) this.#known.clear();
    this.#known.set(name, chunk);
    return chunk;
  }
}

/** The numbers of one group, looked up in order. Valid while no record changes. */
export class GroupCursor {
  #chunk: Chunk | undefined;

  constructor(
    private readonly index: PostingIndex,
    private readonly group: number,
  ) {}

  /** Returns the least number from this one on. */
  from(number: number): number | undefined {
    let chunk: Chunk | undefined = this.#at(number);
    let at = placeOf(chunk, this.group, number);
    while (chunk && at === chunk.groups.length) {
      chunk = this.index.after(chunk);
      at = 0;
    }
    return this.#found(chunk, at);
  }

  /** Returns the greatest number up to this one. */
  upTo(number: number): number | undefined {
    let chunk: Chunk | undefined = this.#at(number);
    let at = placeOf(chunk, this.group, number + 1) - 1;
    while (chunk && at < 0) {
      chunk = this.index.before(chunk);
      at = (chunk?.groups.length ?? 0) - 1;
    }
    return this.#found(chunk, at);
  }

  #at(number: number): Chunk {
    const chunk = this.#chunk;
    if (chunk) {
      const key = postingKey(this.group, number);
      if (chunk.key.compare(key) <= 0 && (chunk.end === undefined || chunk.end.compare(key) > 0))
        return chunk;
    }
    return (this.#chunk = this.index.chunkAt(this.group, number));
  }

  #found(chunk: Chunk | undefined, at: number): number | undefined {
    this.#chunk = chunk;
    return chunk?.groups[at] === this.group ? chunk.numbers[at] : undefined;
  }
}

/** The index as one write transaction changes it: changes are written by flush(), each chunk once. */
export class PostingIndexWriter extends PostingIndex {
  /** Sum of additions and removals of each entry. */
  readonly #changes = new Map<string, { group: number; number: number; sum: number }>();

  add(group: number, number: number): void {
    this.#change(group, number, 1);
  }

  remove(group: number, number: number): void {
    this.#change(group, number, -1);
  }

  #change(group: number, number: number, by: 1 | -1): void {
    const key = `${group}:${number}`;
    const change = this.#changes.get(key);
    if (change) change.sum += by;
    else this.#changes.set(key, { group, number, sum: by });
  }

  /** @throws StowkenError CORRUPT_STORE */
  flush(): void {
    const changes = [...this.#changes.values()]
      .filter(({ sum }) => sum !== 0)
      .map(({ group, number, sum }): PostingChange => ({ group, number, added: sum > 0 }))
      .sort((a, b) => a.group - b.group || a.number - b.number);
    this.#changes.clear();
    for (let at = 0; at < changes.length;) {
      const { group, number } = changes[at]!;
      const chunk = this.chunkAt(group, number);
      const from = at;
      do at += 1;
      while (at < changes.length && isIn(chunk, changes[at]!));
      this.#rewrite(chunk, changes.slice(from, at));
    }
  }

  #rewrite(chunk: Chunk, changes: readonly PostingChange[]): void {
    const all = withChanges(chunk, changes);
    if (all.groups.length === 0 && !chunk.key.equals(firstKey)) return this.#join(chunk);
    const [first] = changes;
    const middle = chunk.groups.length >> 1;
    const growsAtEnd = first !== undefined && placeOf(chunk, first.group, first.number) >= middle;
    const pieces = splitPostings(all, growsAtEnd);
    const keys = pieces.map(({ groups, numbers }, piece) =>
      piece === 0 ? chunk.key : postingKey(groups[0]!, numbers[0]!),
    );
    for (const [piece, postings] of pieces.entries())
      this.#put(keys[piece]!, keys[piece + 1] ?? chunk.end, postings);
  }

  /** Gives the keys of a chunk without entries to the one before it. */
  #join(chunk: Chunk): void {
    const before = this.before(chunk)!;
    this.table.remove(chunk.key);
    this.#put(before.key, chunk.end, before);
  }

  #put(key: Buffer, end: Buffer | undefined, postings: Postings): void {
    this.table.put(key, encodeBoundedChunk(key, { end, entries: encodePostings(postings) }));
  }
}

function isIn({ end }: Chunk, { group, number }: PostingChange): boolean {
  return end === undefined || postingKey(group, number).compare(end) < 0;
}
