import { sealedBytes, valueBytesIn } from './checksum.js';

/**
 * Sizes of the LMDB schema, fixed by the format version: stored data is read with the same figures that
 * it was written with. docs/formats/storage.md says what they are for.
 */
export const FORMAT_VERSION = 2;

/** Formats that are read: version 1 has no checksums. */
export const FORMATS = { min: 2, max: FORMAT_VERSION };

/** The storage's name, in the vault and in its backups. */
export const KIND = 'lmdb';

export const PAGE_BYTES = 4096;
const PAGE_HEADER_BYTES = 24;
const NODE_BYTES = 8;
const NODE_POINTER_BYTES = 2;
const NUMBER_KEY_BYTES = 4;

/** The longest value of a table with number keys that stays inside a leaf page; two of them fill one. */
export const INLINE_VALUE_BYTES = valueBytesIn(
  (PAGE_BYTES - PAGE_HEADER_BYTES) / 2 - NODE_POINTER_BYTES - NODE_BYTES - NUMBER_KEY_BYTES,
);

/** The longest value that takes this many overflow pages. */
export function overflowBytes(pages: number): number {
  return valueBytesIn(pages * PAGE_BYTES - PAGE_HEADER_BYTES);
}

/** What records have of a leaf page. */
export const LEAF_BYTES = PAGE_BYTES - PAGE_HEADER_BYTES;

/** A table of fewer pages is never written anew to have fewer of them. */
export const DEFRAGMENT_PAGES_MIN = 8;

/** What a record takes of a leaf page: of a value that is too long for one, its place. */
export function leafBytes(key: number | Buffer, value: Uint8Array): number {
  const keyBytes = typeof key === 'number' ? NUMBER_KEY_BYTES : key.length;
  const valueBytes = value.length > INLINE_VALUE_BYTES ? NODE_BYTES : sealedBytes(value.length);
  return 2 * Math.ceil((NODE_BYTES + keyBytes + valueBytes) / 2) + NODE_POINTER_BYTES;
}

/**
 * Packs that are written anew fill one overflow page: full however the leaf pages around them were split,
 * which packs inside leaf pages are only when they are appended.
 */
export const REFILLED_PACK_BYTES = overflowBytes(1);

/** A shorter pack is filled up when frames of the pack after it are replaced. */
export const MERGED_PACK_BYTES = 3600;

/** The longest tail of a frame: with its entry it fits an empty pack. */
export const TAIL_BYTES_MAX = INLINE_VALUE_BYTES - 12;

/** A tail is cut only where the piece that stays in the pack is at least this long. */
export const SPLIT_BYTES_MIN = 64;

/** The longest message list of a page, but for a page that one message fills alone. */
export const BLOCK_LIST_BYTES = INLINE_VALUE_BYTES;

/**
 * A tail that grows is kept small enough for its record to stay inside a leaf page, as long as this much of
 * it has room there; beside a long header or directory it grows to a whole page instead.
 */
export const TAIL_ROOM_BYTES_MIN = INLINE_VALUE_BYTES / 2;

/** Pages without a holder that one commit takes away, at most. */
export const FREED_BLOCKS_PER_COMMIT = 512;

/** Forgotten requests that one request takes away, at most. */
export const REQUESTS_FORGOTTEN_MAX = 16;

/** Segments, or pages, whose reference counts share a record, one byte each: fifteen records fill a leaf page. */
export const COUNTS_PER_CHUNK = 252;

/** A chunk of the hash index or of a key index is split when it is longer. */
export const INDEX_CHUNK_BYTES = 512;

/** Segments whose fingerprints share a record until they are entered into the hash index's chunks. */
export const RECENT_RECORD_SEGMENTS = 128;

/** They are entered when there are more of them. */
export const RECENT_SEGMENTS_MAX = 4096;

/** Conversations whose places in the prefix index share a record. */
export const CONVERSATION_NODES_PER_CHUNK = 64;

/** Blocks of one run of the prefix index, at most: what an append writes anew. */
export const RADIX_NODE_BLOCKS = 128;

/** Strings that records name by number: how long one may be, and how many there may be. */
export const STRING_BYTES_MAX = 128;
export const STRINGS_MAX = 4096;
/** Of these, names of speakers take at most this many, so that they never crowd out models and roles. */
export const SPEAKER_STRINGS_MAX = 2048;
