import { StowkenError } from '../../../model/index.js';
import { HASH_CHUNK_BYTES, REFILLED_HASH_CHUNK_BYTES } from '../tables/layout.js';
import type { SegmentId } from '../tables/ids.js';
import {
  decodeDense,
  denseBytes,
  encodeDense,
  type Entries,
  firstWithPrint,
  idsInDense,
  isDense,
  maxOf,
  printOf,
  type PrintRange,
} from './dense-chunk.js';
import { decodeSparse, idsInSparse } from './sparse-chunk.js';

/** Key of the first chunk: LMDB ranges leave out key 0. */
export const FIRST_KEY = 1;

export const LAST_FINGERPRINT = 0xffffffff;

/** Bytes before a chunk's entries: the greatest fingerprint that it may have, a u32, little-endian. */
const BOUND_BYTES = 4;

/** Part of a page that a full chunk takes. */
const FULL_PART = 0.95;

/** A segment's id, with its print. */
export interface IndexEntry {
  readonly print: number;
  readonly id: SegmentId;
}

/** A chunk as a write transaction changes it: its greatest fingerprint, and its entries. */
export interface IndexChunk {
  readonly last: number;
  readonly entries: Entries;
}

export const noEntries: Entries = { prints: new Uint32Array(0), ids: new Uint32Array(0) };

/** Returns the fingerprint from which a chunk's range begins. */
export function baseOf(key: number): number {
  return key === FIRST_KEY ? 0 : key;
}

/**
 * Returns the greatest fingerprint that belongs to a chunk; the next chunk has those above it. So a chunk
 * whose checksum is right proves for every fingerprint between its key and this one whether the index has it.
 */
export function lastOf(record: Uint8Array): number {
  if (record.length < BOUND_BYTES) throw new StowkenError('CORRUPT_STORE', 'a chunk has no bound');
  return (record[0]! | (record[1]! << 8) | (record[2]! << 16) | (record[3]! << 24)) >>> 0;
}

/**
 * Returns ids of the entries whose fingerprint may be this one, in a record that has so many of the bytes.
 * @throws StowkenError CORRUPT_STORE
 */
export function idsIn(
  record: Uint8Array,
  length: number,
  key: number,
  fingerprint: number,
): readonly SegmentId[] {
  if (!isDense(record, BOUND_BYTES))
    return idsInSparse(record, BOUND_BYTES, length, baseOf(key), fingerprint);
  return idsInDense(record, BOUND_BYTES, length, printsOf(key, lastOf(record)), printOf(fingerprint));
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeIndexChunk(key: number, record: Uint8Array): IndexChunk {
  const last = lastOf(record);
  const entries = isDense(record, BOUND_BYTES)
    ? decodeDense(record, BOUND_BYTES, printsOf(key, last))
    : decodeSparse(record, BOUND_BYTES, baseOf(key));
  return { last, entries };
}

/** Returns the entries of a chunk as objects, for callers that read a whole index. */
export function entriesIn(key: number, record: Uint8Array): IndexEntry[] {
  const { prints, ids } = decodeIndexChunk(key, record).entries;
  return Array.from(prints, (print, at) => ({ print, id: ids[at] as SegmentId }));
}

export function encodeIndexChunk(key: number, { last, entries }: IndexChunk): Buffer {
  const range = printsOf(key, last);
  const record = Buffer.alloc(BOUND_BYTES + denseBytes(entries.ids.length, range, maxOf(entries.ids)));
  record.writeUInt32LE(last, 0);
  encodeDense(record, BOUND_BYTES, entries, range);
  return record;
}

/** Returns the entries with more of them, which are those in a range of `added`; of equal ones these last. */
export function withEntries(entries: Entries, added: Entries, from: number, to: number): Entries {
  const length = entries.ids.length + to - from;
  const merged = { prints: new Uint32Array(length), ids: new Uint32Array(length) };
  let own = 0;
  let next = from;
  for (let at = 0; at < length; at++) {
    const takesOwn = next === to || (own < entries.ids.length && entries.prints[own]! <= added.prints[next]!);
    const source = takesOwn ? entries : added;
    const place = takesOwn ? own++ : next++;
    merged.prints[at] = source.prints[place]!;
    merged.ids[at] = source.ids[place]!;
  }
  return merged;
}

/** Returns the entries without those of a segment under this print. */
export function withoutEntry({ prints, ids }: Entries, print: number, id: SegmentId): Entries {
  const isOther = (_: number, at: number) => prints[at] !== print || ids[at] !== id;
  return { prints: prints.filter(isOther), ids: ids.filter(isOther) };
}

/** Returns the entries of consecutive chunks. */
export function joinedEntries(chunks: readonly IndexChunk[]): Entries {
  const length = chunks.reduce((sum, { entries }) => sum + entries.ids.length, 0);
  const joined = { prints: new Uint32Array(length), ids: new Uint32Array(length) };
  let at = 0;
  for (const { entries } of chunks) {
    joined.prints.set(entries.prints, at);
    joined.ids.set(entries.ids, at);
    at += entries.ids.length;
  }
  return joined;
}

/** True if a compaction leaves a stored chunk as it is. */
export function isFullPage(record: Uint8Array): boolean {
  return record.length > FULL_PART * REFILLED_HASH_CHUNK_BYTES && isDense(record, BOUND_BYTES);
}

/** A chunk with its key. */
export type KeyedChunk = IndexChunk & { readonly key: number };

/** Halves a chunk until each part is short enough or has only one print. */
export function* splitIndexChunk(key: number, chunk: IndexChunk): Generator<KeyedChunk, void, void> {
  const { length } = chunk.entries.ids;
  const isLong = bytesOf(key, chunk.last, length, maxOf(chunk.entries.ids)) > HASH_CHUNK_BYTES;
  const cut = isLong ? cutNear(chunk.entries, length >> 1) : length;
  if (cut === length) {
    yield { key, ...chunk };
    return;
  }
  const [left, right] = partsOf(chunk, cut);
  yield* splitIndexChunk(key, left);
  yield* splitIndexChunk(right.key, right);
}

/** Cuts a chunk into parts that fill a page each. */
export function* pagesOfChunk(key: number, chunk: IndexChunk): Generator<KeyedChunk, void, void> {
  const idMax = maxOf(chunk.entries.ids);
  let rest: KeyedChunk = { key, ...chunk };
  for (;;) {
    const { entries } = rest;
    const fits = (count: number) => {
      const last = count < entries.ids.length ? boundBefore(entries, count) : rest.last;
      return bytesOf(rest.key, Math.max(last, baseOf(rest.key)), count, idMax) <= REFILLED_HASH_CHUNK_BYTES;
    };
    const cut = fits(entries.ids.length) ? entries.ids.length : cutNear(entries, greatest(fits, entries));
    if (cut === entries.ids.length) break;
    const [left, right] = partsOf(rest, cut);
    yield { key: rest.key, ...left };
    rest = right;
  }
  yield rest;
}

/** Returns the greatest count of entries that fits, at least one; more entries never take fewer bytes. */
function greatest(fits: (count: number) => boolean, { ids }: Entries): number {
  let [low, high] = [1, ids.length];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Returns the place nearest before one, or else behind it, that divides entries with different prints; their
 * number if there is none.
 */
function cutNear({ prints }: Entries, place: number): number {
  let cut = place;
  while (cut > 0 && prints[cut - 1] === prints[cut]) cut -= 1;
  if (cut > 0) return cut;
  cut = Math.max(place, 1);
  while (cut < prints.length && prints[cut - 1] === prints[cut]) cut += 1;
  return cut;
}

function partsOf({ last, entries }: IndexChunk, cut: number): [IndexChunk, KeyedChunk] {
  const bound = boundBefore(entries, cut);
  return [
    { last: bound, entries: sliced(entries, 0, cut) },
    { key: bound + 1, last, entries: sliced(entries, cut, entries.ids.length) },
  ];
}

/** Returns the greatest fingerprint before those of an entry's print. */
function boundBefore({ prints }: Entries, entry: number): number {
  return firstWithPrint(prints[entry]!) - 1;
}

function sliced({ prints, ids }: Entries, from: number, to: number): Entries {
  return { prints: prints.subarray(from, to), ids: ids.subarray(from, to) };
}

function bytesOf(key: number, last: number, count: number, idMax: number): number {
  return BOUND_BYTES + denseBytes(count, printsOf(key, last), idMax);
}

function printsOf(key: number, last: number): PrintRange {
  return { first: printOf(baseOf(key)), last: printOf(last) };
}
