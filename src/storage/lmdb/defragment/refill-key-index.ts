import { decodeBoundedChunk, encodeBoundedChunk } from '../tables/bounded-chunk.js';
import { commonPrefix } from '../tables/key-bytes.js';
import { decodeKeyChunk, type KeyEntry } from '../tables/key-chunk.js';
import { chunkKeyOf } from '../tables/key-index.js';
import { encodeLeanChunk } from '../tables/lean-key-chunk.js';
import { leafBytes, LEAF_BYTES } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** Chunks that share a leaf page: a look-up walks over half of one. */
const CHUNKS_PER_PAGE = 4;
const CHUNK_BYTES = LEAF_BYTES / CHUNKS_PER_PAGE;
/** Part of the bytes of chunks that refilling them must save. */
const SAVED_MIN = 0.1;
/** Bytes of chunks that one write transaction refills. */
const STRETCH_BYTES = 32 * 1024;
/** Attempts to fill a chunk. */
const ATTEMPTS = 4;

interface Chunk {
  readonly key: Buffer;
  readonly end: Buffer | undefined;
}

interface FilledChunk extends Chunk {
  readonly record: Uint8Array;
}

/**
 * Refills the chunks of a key index from one on, in the lean form, if that saves bytes. Runs in a write
 * transaction. Returns the chunk from which to continue; undefined at the end of the table.
 * @throws StowkenError CORRUPT_STORE
 */
export function refillKeyIndex(table: Table<Buffer>, from: Buffer | undefined): Buffer | undefined {
  const run: Chunk[] = [];
  const entries: KeyEntry[] = [];
  let bytes = 0;
  let next: Buffer | undefined;
  for (const { key, value } of table.range(from && { start: from })) {
    next = key;
    if (bytes >= STRETCH_BYTES) break;
    const chunk = decodeBoundedChunk(key, value);
    const before = run.at(-1);
    if (before && !before.end?.equals(key)) throw table.corrupt(key, 'follows no chunk that ends there');
    run.push({ key, end: chunk.end });
    entries.push(...decodeKeyChunk(chunk.entries));
    bytes += leafBytes(key, value);
    next = undefined;
  }
  const [first, last] = [run[0], run.at(-1)];
  if (!first || !last || entries.length === 0) return next;
  const filled = fill(entries, { key: first.key, end: last.end });
  const bytesAfter = filled?.reduce((sum, { key, record }) => sum + leafBytes(key, record), 0) ?? Infinity;
  if (!filled || bytesAfter > (1 - SAVED_MIN) * bytes) return next;
  for (const { key } of run.reverse()) table.remove(key);
  for (const { key, record } of filled) table.put(key, record);
  // The last one has room for the chunks after it.
  return next && filled.length > 1 ? filled.at(-1)!.key : next;
}

/** Returns full chunks of entries, from one bound to another; undefined if the form cannot have them. */
function fill(entries: readonly KeyEntry[], { key: begin, end }: Chunk): FilledChunk[] | undefined {
  const filled: FilledChunk[] = [];
  let key = begin;
  for (let at = 0; at < entries.length;) {
    const count = countThatFits(entries.slice(at), key);
    if (count === undefined) return undefined;
    const after = entries[at + count];
    const before = entries[at + count - 1]!;
    const bound = after ? chunkKeyOf(after.key.subarray(0, commonPrefix(after.key, before.key) + 1)) : end;
    filled.push({ key, end: bound, record: recordOf(entries.slice(at, at + count), key, bound)! });
    at += count;
    if (bound) key = bound;
  }
  return filled;
}

/** Returns how many entries fill a chunk, one at least. */
function countThatFits(entries: readonly KeyEntry[], key: Buffer): number | undefined {
  let count = Math.min(entries.length, 64);
  let fits = 0;
  for (let attempt = 0; attempt < ATTEMPTS || (fits === 0 && count > 1); attempt += 1) {
    const after = entries[count];
    const bound = after && chunkKeyOf(after.key);
    const record = recordOf(entries.slice(0, count), key, bound);
    if (!record) return undefined;
    // A value that is too long for a leaf page takes only a pointer there, and more than its share elsewhere.
    const bytes = Math.max(leafBytes(key, record), record.length);
    const isFitting = bytes <= CHUNK_BYTES;
    if (isFitting) fits = Math.max(fits, count);
    if (isFitting && count === entries.length) break;
    const wanted = Math.floor((count * CHUNK_BYTES) / bytes);
    count = Math.max(
      1,
      Math.min(entries.length, isFitting ? Math.max(fits + 1, wanted) : Math.min(count - 1, wanted)),
    );
  }
  return Math.max(1, fits);
}

function recordOf(
  entries: readonly KeyEntry[],
  key: Buffer,
  end: Buffer | undefined,
): Uint8Array | undefined {
  const encoded = encodeLeanChunk(entries);
  return encoded && encodeBoundedChunk(key, { end, entries: encoded });
}
