import { createHash } from 'node:crypto';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { bytes, int, type Row, text } from '../database/driver.js';
import { uuid } from './ids.js';

/** Fingerprints in a row: a key of an index has its bounds. */
export const chunkBlocks = 256;
const chunkBytes = chunkBlocks * prefixFingerprintBytes;

/** Fingerprints of successive blocks of a conversation. */
export interface PrefixChunk {
  /** Chunks before it; each has as many blocks as a chunk may have. */
  readonly n: number;
  /** Name of all that is before it: the application, and the blocks. */
  readonly g: string;
  readonly blocks: Buffer;
}

/** Returns the name of what is before the first block of a conversation of an application. */
export function groupOf(application: string): string {
  return halfOf(createHash('sha256').update('application ').update(application));
}

/** Returns the name of what is before the blocks after a whole chunk. */
export function groupAfter({ g, blocks }: Pick<PrefixChunk, 'g' | 'blocks'>): string {
  return halfOf(createHash('sha256').update(g).update(' ').update(blocks));
}

function halfOf(hash: ReturnType<typeof createHash>): string {
  return uuid(hash.digest('hex').slice(0, 32));
}

/** Divides fingerprints into chunks, from the one on that is before all of them. */
export function chunksOf(blocks: Uint8Array, g: string, n = 0): PrefixChunk[] {
  const chunks: PrefixChunk[] = [];
  for (let at = 0; at < blocks.length; at += chunkBytes) {
    const chunk = { n, g, blocks: Buffer.from(blocks.subarray(at, at + chunkBytes)) };
    chunks.push(chunk);
    [n, g] = [n + 1, groupAfter(chunk)];
  }
  return chunks;
}

export function isWhole({ blocks }: Pick<PrefixChunk, 'blocks'>): boolean {
  return blocks.length === chunkBytes;
}

/** Returns the number of blocks up to the end of a chunk. */
export function blocksUpTo({ n, blocks }: Pick<PrefixChunk, 'n' | 'blocks'>): number {
  return n * chunkBlocks + blocks.length / prefixFingerprintBytes;
}

export function chunkFrom(row: Row): PrefixChunk {
  return { n: int(row['n']), g: text(row['g']), blocks: bytes(row['blocks']) };
}

/** Returns how many whole fingerprints two lists have in common from the beginning. */
export function sharedBlocks(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at += 1;
  return Math.floor(at / prefixFingerprintBytes);
}

/** Returns a value above all that begin with these fingerprints, and below those that go on otherwise. */
export function boundAfter(blocks: Uint8Array): Buffer {
  const bound = Buffer.from(blocks);
  for (let at = bound.length - 1; at >= 0; at -= 1) {
    if (bound[at] !== 0xff) {
      bound[at] = bound[at]! + 1;
      return bound.subarray(0, at + 1);
    }
  }
  return Buffer.alloc(chunkBytes + 1, 0xff);
}
