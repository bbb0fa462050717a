import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../queries.js';
import { ByteReader, ByteWriter } from '../../bytes.js';

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
  return new ByteWriter(blocks.length + 16).varint(parent).varint(start).raw(blocks).finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePrefixRun(record: Uint8Array): PrefixRun {
  const reader = new ByteReader(record);
  const run = { parent: reader.varint(), start: reader.varint(), blocks: reader.rest() };
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

/** A place in the index: so many blocks from a conversation's beginning, in this run. Run 0: before all blocks. */
export interface PrefixPlace {
  readonly run: number;
  readonly depth: number;
}

export function encodePrefixPlace({ run, depth }: PrefixPlace): Uint8Array {
  return new ByteWriter(16).varint(run).varint(depth).finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePrefixPlace(record: Uint8Array): PrefixPlace {
  const reader = new ByteReader(record);
  return { run: reader.varint(), depth: reader.varint() };
}

const NUMBER_BYTES = 4;

/** Where a run is found from the one before it: by its first block, and of those without one by application too. */
export function childKey(parent: number, firstBlock: Uint8Array, application: string): Buffer {
  const key = [numbers(parent), firstBlock];
  return Buffer.concat(parent === 0 ? [...key, Buffer.from(application, 'utf8')] : key);
}

/** The application of a key under which a conversation's first run is found. */
export function applicationOfKey(key: Buffer): string {
  return key.toString('utf8', NUMBER_BYTES + prefixFingerprintBytes);
}

export interface PrefixEnd extends PrefixPlace {
  readonly conversation: number;
}

export function endKey({ run, depth, conversation }: PrefixEnd): Buffer {
  return numbers(run, depth, conversation);
}

export function endOfKey(key: Buffer): PrefixEnd {
  return {
    run: key.readUInt32BE(0),
    depth: key.readUInt32BE(NUMBER_BYTES),
    conversation: key.readUInt32BE(2 * NUMBER_BYTES),
  };
}

/** All keys of a run's children, or of its ends, lie between this and the next run's. */
export function runKey(run: number): Buffer {
  return numbers(run);
}

function numbers(...values: readonly number[]): Buffer {
  const key = Buffer.allocUnsafe(values.length * NUMBER_BYTES);
  for (const [index, value] of values.entries()) key.writeUInt32BE(value, index * NUMBER_BYTES);
  return key;
}
