import { sealedBytes, valueBytesIn } from './checksum.js';

/**
 * Sizes of the LMDB schema, fixed by the format version: stored data is read with the same figures that it
 * was written with. docs/formats/storage.md describes their purpose.
 */
export const FORMAT_VERSION = 5;

/**
 * Formats that can be read: version 1 has no checksums, version 2 no packs of conversations, version 3 longer
 * chunks of hashes and counts, version 4 no lean packs.
 */
export const FORMATS = { min: 2, max: FORMAT_VERSION };

/** Name of the storage, in the vault and in its backups. */
export const KIND = 'lmdb';

export const PAGE_BYTES = 4096;
const PAGE_HEADER_BYTES = 24;
const NODE_BYTES = 8;
const NODE_POINTER_BYTES = 2;
const NUMBER_KEY_BYTES = 4;

/** Limit of a value in a table with number keys that stays inside a leaf page; two of them fill one. */
export const INLINE_VALUE_BYTES = valueBytesIn(
  (PAGE_BYTES - PAGE_HEADER_BYTES) / 2 - NODE_POINTER_BYTES - NODE_BYTES - NUMBER_KEY_BYTES,
);

/** Returns the limit of a value that takes this many overflow pages. */
export function overflowBytes(pages: number): number {
  return valueBytesIn(pages * PAGE_BYTES - PAGE_HEADER_BYTES);
}

/** Returns the pages that a value takes: as many overflow pages as hold it, or half a leaf page at most. */
export function valuePages(bytes: number): number {
  return bytes <= INLINE_VALUE_BYTES
    ? 1 / 2
    : Math.ceil((bytes + PAGE_BYTES - overflowBytes(1)) / PAGE_BYTES);
}

/** Bytes of a leaf page for records. */
export const LEAF_BYTES = PAGE_BYTES - PAGE_HEADER_BYTES;

/** Minimum of a table's pages: a smaller one is never rewritten to save pages. */
export const DEFRAGMENT_PAGES_MIN = 3;

/** Returns the bytes of a record in a leaf page; a value that is too long for one takes a pointer. */
export function leafBytes(key: number | Buffer, value: Uint8Array): number {
  const keyBytes = typeof key === 'number' ? NUMBER_KEY_BYTES : key.length;
  const valueBytes = value.length > INLINE_VALUE_BYTES ? NODE_BYTES : sealedBytes(value.length);
  return 2 * Math.ceil((NODE_BYTES + keyBytes + valueBytes) / 2) + NODE_POINTER_BYTES;
}

/**
 * Size of rewritten packs, which fill so many overflow pages, however the leaf pages around them were split.
 * Packs inside leaf pages fill those only when they are appended.
 */
export const REFILLED_PACK_PAGES = 2;
export const REFILLED_PACK_BYTES = overflowBytes(REFILLED_PACK_PAGES);

/** Size below which a pack is filled up when frames of the pack after it are replaced. */
export const MERGED_PACK_BYTES = 0.9 * REFILLED_PACK_BYTES;

/** Limit of a frame's tail: with its entry it fits an empty pack. */
export const TAIL_BYTES_MAX = INLINE_VALUE_BYTES - 12;

/** Minimum of the first piece of a split tail; otherwise the tail is not split. */
export const SPLIT_BYTES_MIN = 64;

/** Limit of a block's message list, except for a block of a single message. */
export const BLOCK_LIST_BYTES = INLINE_VALUE_BYTES;

/**
 * Minimum of the room that a leaf page must have for a growing tail: then the tail is kept small enough for
 * its record to stay inside the page. Beside a long header or directory it grows to a whole block instead.
 */
export const TAIL_ROOM_BYTES_MIN = INLINE_VALUE_BYTES / 2;

/** Limit of the blocks without a holder that one commit removes. */
export const FREED_BLOCKS_PER_COMMIT = 512;

/** Limit of the outdated requests that one request removes. */
export const REQUESTS_FORGOTTEN_MAX = 16;

/**
 * Segments, or blocks, whose reference counts share a record, one byte each: fifteen records fill a leaf
 * page.
 */
export const COUNTS_PER_CHUNK = 252;

/** Size above which a chunk of a key index is split. */
export const INDEX_CHUNK_BYTES = 512;

/** Size above which a chunk of the hash index is split: four fill a leaf page. */
export const HASH_CHUNK_BYTES = 1000;

/** Size of the chunks that a compaction makes, which fill an overflow page each. */
export const REFILLED_HASH_CHUNK_BYTES = overflowBytes(1);

/** Size above which a chunk of the list index is split. */
export const POSTING_CHUNK_BYTES = 1000;

/** Limit of its entries: one is read or changed as a whole, and runs of numbers take few bytes. */
export const POSTING_ENTRIES_MAX = 2048;

/** Newest conversations that the list index need not have: a list reads them themselves. */
export const UNINDEXED_MAX = 2048;

/** Segments whose fingerprints share a record until they are entered into the hash index's chunks. */
export const RECENT_RECORD_SEGMENTS = 128;

/** Number of such segments above which they are entered. */
export const RECENT_SEGMENTS_MAX = 4096;

/** Conversations whose positions in the prefix index share a record. */
export const CONVERSATION_NODES_PER_CHUNK = 64;

/** Nodes of the prefix index that share a record. */
export const RADIX_NODES_PER_GROUP = 16;

/** Limit of the blocks of one node of the prefix index, which an append rewrites. */
export const RADIX_NODE_BLOCKS = 128;

/** Limits of the strings that records name by number: length and number. */
export const STRING_BYTES_MAX = 128;
export const STRINGS_MAX = 4096;
/** Limit of the names of speakers among them, so that they never displace models and roles. */
export const SPEAKER_STRINGS_MAX = 2048;
