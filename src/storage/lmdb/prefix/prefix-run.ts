import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../queries.js';
import { ByteReader, ByteWriter } from '../../bytes.js';
import type { PrefixPlace } from './prefix-places.js';

/** Blocks that conversations share, one after the other, up to where some go other ways. */
export interface PrefixRun {
  /** The run that these blocks come after; 0: they begin a conversation. */
  readonly parent: number;
  /** Blocks before the first of these. */
  readonly start: number;
  /** Their fingerprints. */
  readonly blocks: Uint8Array;
}

export function encodePrefixRun({ parent, start, blocks }: PrefixRun): Uint8Array {
  const writer = new ByteWriter(blocks.length + 16).varint(parent);
  // The first run of a conversation begins with it.
  if (parent !== 0) writer.varint(start);
  return writer.raw(blocks).finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePrefixRun(record: Uint8Array): PrefixRun {
  const reader = new ByteReader(record);
  const parent = reader.varint();
  const run = { parent, start: parent === 0 ? 0 : reader.varint(), blocks: reader.rest() };
  if (run.blocks.length === 0 || run.blocks.length % prefixFingerprintBytes !== 0) {
    throw new StowkenError('CORRUPT_STORE', 'a run of the prefix index does not decode');
  }
  return run;
}

/** Blocks up to the end of the run. */
export function runEnd({ start, blocks }: PrefixRun): number {
  return start + blockCount(blocks);
}

export function blockCount(blocks: Uint8Array): number {
  return blocks.length / prefixFingerprintBytes;
}

/** Of a list of fingerprints, those from one block up to another. */
export function blocksOf(blocks: Uint8Array, from: number, to?: number): Uint8Array {
  return blocks.subarray(
    from * prefixFingerprintBytes,
    to === undefined ? undefined : to * prefixFingerprintBytes,
  );
}

/** Where a run is found from the one before it: by its first block, and of those without one by application too. */
export function childKey(parent: number, firstBlock: Uint8Array, application: string): Buffer {
  const key = [runKey(parent), firstBlock];
  return Buffer.concat(parent === 0 ? [...key, Buffer.from(application, 'utf8')] : key);
}

/** The application of a key under which a conversation's first run is found. */
export function applicationOfKey(key: Buffer): string {
  return key.toString('utf8', runKey(0).length + prefixFingerprintBytes);
}

export interface PrefixEnd extends PrefixPlace {
  readonly conversation: number;
}

export function endKey({ run, depth, conversation }: PrefixEnd): Buffer {
  return Buffer.concat([run, depth, conversation].map(sortedNumber));
}

export function endOfKey(key: Buffer): PrefixEnd {
  let at = 0;
  const next = () => {
    const bytes = key[at] ?? 0;
    const number = bytes === 0 ? 0 : key.readUIntBE(at + 1, bytes);
    at += 1 + bytes;
    return number;
  };
  return { run: next(), depth: next(), conversation: next() };
}

/** All keys of a run's children, or of its ends, lie between this and the next run's. */
export function runKey(run: number): Buffer {
  return sortedNumber(run);
}

/** How many bytes a number below 2^48 has, and these: sorts as the numbers do. */
function sortedNumber(number: number): Buffer {
  let bytes = 0;
  for (let rest = number; rest > 0; rest = Math.floor(rest / 0x100)) bytes += 1;
  const sorted = Buffer.alloc(1 + bytes, bytes);
  if (bytes > 0) sorted.writeUIntBE(number, 1, bytes);
  return sorted;
}
