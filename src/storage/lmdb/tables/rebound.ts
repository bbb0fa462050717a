import { decodeBoundedChunk, encodeBoundedChunk } from './bounded-chunk.js';
import { commonPrefix } from './key-bytes.js';
import { decodeKeyChunk, encodeKeyChunk, type KeyEntry } from './key-chunk.js';
import { chunkKeyOf } from './key-index.js';
import { encodeLeanChunk, isLeanChunk } from './lean-key-chunk.js';
import type { Table } from './table.js';

interface Chunk {
  readonly key: Buffer;
  readonly end: Buffer | undefined;
  readonly entries: readonly KeyEntry[];
  readonly isLean: boolean;
}

/**
 * Replaces the bounds of chunks of a key index that none of their keys begins with: what is left of a key
 * that is not in the index any more. Looks at so many chunks from one on, in a write transaction. Returns the
 * chunk from which to go on; undefined at the end of the index.
 * @throws StowkenError CORRUPT_STORE
 */
export function reboundChunks(
  table: Table<Buffer>,
  from: Buffer | undefined,
  limit: number,
): Buffer | undefined {
  const range = [...table.range({ ...(from && { start: from }), limit: limit + 1 })];
  let left: Chunk | undefined;
  for (const { key, value } of range) {
    const { end, entries } = decodeBoundedChunk(key, value);
    const chunk: Chunk = { key, end, entries: decodeKeyChunk(entries), isLean: isLeanChunk(entries) };
    left = left ? rebound(table, left, chunk) : chunk;
  }
  return range.length > limit ? left?.key : undefined;
}

/** Returns the right one of two consecutive chunks as it is afterwards. */
function rebound(table: Table<Buffer>, left: Chunk, right: Chunk): Chunk {
  const first = right.entries[0]?.key;
  if (!left.end?.equals(right.key)) throw table.corrupt(right.key, 'follows no chunk that ends there');
  if (first === undefined || chunkKeyOf(first).subarray(0, right.key.length).equals(right.key)) return right;
  const last = left.entries.at(-1)?.key ?? Buffer.alloc(0);
  const key = chunkKeyOf(first.subarray(0, commonPrefix(first, last) + 1));
  table.remove(right.key);
  put(table, { ...left, end: key });
  const moved = { ...right, key };
  put(table, moved);
  return moved;
}

function put(table: Table<Buffer>, { key, end, entries, isLean }: Chunk): void {
  const encoded = (isLean ? encodeLeanChunk(entries) : undefined) ?? encodeKeyChunk(entries);
  table.put(key, encodeBoundedChunk(key, { end, entries: encoded }));
}
