import type { SegmentHash } from '../../model/index.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { INDEX_CHUNK_BYTES } from './layout.js';
import type { Table } from './table.js';

/** A fingerprint, which is a hash's first 32 bits, and the segment's id. */
export interface IndexEntry {
  readonly fingerprint: number;
  readonly id: number;
}

/** The key of the first chunk: LMDB ranges leave out key 0. */
const FIRST_KEY = 1;

/**
 * From hashes to segment ids: chunks of entries in the order of their fingerprints, each under a lower
 * bound of them. It stores 32 bits of a hash; whoever finds a candidate compares the whole.
 */
export class HashIndex {
  /** Chunks that were changed, by the key under which they are stored, not yet in order. */
  readonly #changed = new Map<number, IndexEntry[]>();

  constructor(private readonly table: Table<number>) {}

  /** Ids of segments whose hash may be this one. */
  candidates(hash: SegmentHash): number[] {
    const fingerprint = fingerprintOf(hash);
    const found: number[] = [];
    for (const entry of this.#chunk(fingerprint).entries) {
      if (entry.fingerprint === fingerprint) found.push(entry.id);
    }
    return found;
  }

  insert(hash: SegmentHash, id: number): void {
    const fingerprint = fingerprintOf(hash);
    const { key, entries } = this.#chunk(fingerprint);
    entries.push({ fingerprint, id });
    this.#changed.set(key, entries);
  }

  remove(hash: SegmentHash, id: number): void {
    const { key, entries } = this.#chunk(fingerprintOf(hash));
    this.#changed.set(
      key,
      entries.filter((entry) => entry.id !== id),
    );
  }

  /** Writes what has changed. */
  flush(): void {
    for (const [key, entries] of this.#changed) {
      if (entries.length === 0) this.table.remove(key);
      else {
        entries.sort((a, b) => a.fingerprint - b.fingerprint || a.id - b.id);
        for (const chunk of split(key, entries)) this.table.put(chunk.key, chunk.record);
      }
    }
    this.#changed.clear();
  }

  #chunk(fingerprint: number): { readonly key: number; readonly entries: IndexEntry[] } {
    const found = this.table.floor(Math.max(fingerprint, FIRST_KEY));
    const key = found?.key ?? FIRST_KEY;
    return { key, entries: this.#changed.get(key) ?? decodeIndexChunk(key, found?.value) };
  }
}

export function fingerprintOf(hash: SegmentHash): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

/** Each entry: the distance to the fingerprint before, at first to the key, and the id. */
export function encodeIndexChunk(key: number, entries: readonly IndexEntry[]): Uint8Array {
  const writer = new ByteWriter(INDEX_CHUNK_BYTES * 2);
  let before = key === FIRST_KEY ? 0 : key;
  for (const { fingerprint, id } of entries) {
    writer.varint(fingerprint - before).varint(id);
    before = fingerprint;
  }
  return writer.finish();
}

export function decodeIndexChunk(key: number, record: Uint8Array | undefined): IndexEntry[] {
  const entries: IndexEntry[] = [];
  if (!record) return entries;
  const reader = new ByteReader(record);
  let fingerprint = key === FIRST_KEY ? 0 : key;
  while (!reader.atEnd) {
    fingerprint += reader.varint();
    entries.push({ fingerprint, id: reader.varint() });
  }
  return entries;
}

/** Halves a chunk until each part is short enough or has one fingerprint only. */
function* split(key: number, entries: readonly IndexEntry[]): Generator<{ key: number; record: Uint8Array }> {
  const record = encodeIndexChunk(key, entries);
  const cut = record.length > INDEX_CHUNK_BYTES ? middle(entries) : undefined;
  if (cut === undefined) yield { key, record };
  else {
    yield* split(key, entries.slice(0, cut));
    yield* split((entries[cut] as IndexEntry).fingerprint, entries.slice(cut));
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
