import type { SegmentHash } from '../../../model/index.js';
import {
  decodeIndexChunk,
  emptyChunk,
  encodeIndexChunk,
  idsIn,
  withEntries,
  type IndexEntry,
} from './index-chunk.js';
import type { IndexDirectory } from './index-directory.js';
import { INDEX_CHUNK_BYTES } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** The key of the first chunk: LMDB ranges leave out key 0. */
const FIRST_KEY = 1;

/**
 * From hashes to segment ids: chunks of entries in the order of their fingerprints, each under a lower
 * bound of them. It stores 32 bits of a hash; whoever finds a candidate compares the whole. Of one
 * stretch of reading or one write transaction.
 */
export class HashIndex {
  /** Entries that are not in a chunk yet: each chunk takes all of its own at once. */
  #inserted: IndexEntry[] = [];
  /** By the keys under which they are stored; chunks are split when they are written. */
  readonly #changed = new Map<number, Uint8Array>();

  constructor(
    private readonly table: Table<number>,
    private readonly directory: IndexDirectory,
  ) {}

  /** Ids of segments whose hash may be this one, but for those that were inserted here. */
  candidates(hash: SegmentHash): number[] {
    const fingerprint = fingerprintOf(hash);
    const key = this.#keyOf(fingerprint);
    const chunk = this.#changed.get(key) ?? this.table.view(key);
    return chunk ? idsIn(chunk, baseOf(key), fingerprint) : [];
  }

  insert(hash: SegmentHash, id: number): void {
    this.#inserted.push({ fingerprint: fingerprintOf(hash), id });
  }

  remove(hash: SegmentHash, id: number): void {
    this.#mergeInserted();
    const key = this.#keyOf(fingerprintOf(hash));
    const rest = decodeIndexChunk(baseOf(key), this.#chunk(key)).filter((entry) => entry.id !== id);
    this.#changed.set(key, encodeIndexChunk(baseOf(key), rest));
  }

  /** Writes what has changed; returns the chunks that came and went, for the directory. */
  flush(): { readonly added: readonly number[]; readonly removed: readonly number[] } {
    this.#mergeInserted();
    const added: number[] = [];
    const removed: number[] = [];
    for (const [key, chunk] of this.#changed) {
      if (chunk.length === 0) {
        this.table.remove(key);
        removed.push(key);
        continue;
      }
      if (chunk.length <= INDEX_CHUNK_BYTES) this.table.put(key, chunk);
      else
        for (const part of splitIndexChunk(key, decodeIndexChunk(baseOf(key), chunk))) {
          this.table.put(part.key, part.chunk);
          added.push(part.key);
        }
      if (key === FIRST_KEY) added.push(key);
    }
    this.#changed.clear();
    return { added, removed };
  }

  #mergeInserted(): void {
    const inserted = this.#inserted.sort((a, b) => a.fingerprint - b.fingerprint);
    this.#inserted = [];
    for (let from = 0, to = 0; from < inserted.length; from = to) {
      const { fingerprint } = inserted[from]!;
      const key = this.#keyOf(fingerprint);
      const end = this.directory.above(fingerprint) ?? Infinity;
      while (to < inserted.length && inserted[to]!.fingerprint < end) to++;
      this.#changed.set(key, withEntries(this.#chunk(key), baseOf(key), inserted.slice(from, to)));
    }
  }

  #chunk(key: number): Uint8Array {
    return this.#changed.get(key) ?? this.table.get(key) ?? emptyChunk;
  }

  #keyOf(fingerprint: number): number {
    return this.directory.floor(fingerprint) ?? FIRST_KEY;
  }
}

export function fingerprintOf(hash: SegmentHash): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

/** What a chunk's fingerprints are counted from. */
export function baseOf(key: number): number {
  return key === FIRST_KEY ? 0 : key;
}

/** Halves a chunk until each part is short enough or has one fingerprint only. */
export function* splitIndexChunk(
  key: number,
  entries: readonly IndexEntry[],
): Generator<{ key: number; chunk: Uint8Array }> {
  const chunk = encodeIndexChunk(baseOf(key), entries);
  const cut = chunk.length > INDEX_CHUNK_BYTES ? middle(entries) : undefined;
  if (cut === undefined) yield { key, chunk };
  else {
    yield* splitIndexChunk(key, entries.slice(0, cut));
    yield* splitIndexChunk((entries[cut] as IndexEntry).fingerprint, entries.slice(cut));
  }
}

/** A place near the middle between two fingerprints that differ. */
function middle(entries: readonly IndexEntry[]): number | undefined {
  const differs = (at: number) => entries[at - 1]?.fingerprint !== entries[at]?.fingerprint;
  const half = entries.length >> 1;
  for (let at = half; at > 0; at--) if (differs(at)) return at;
  for (let at = half + 1; at < entries.length; at++) if (differs(at)) return at;
  return undefined;
}
