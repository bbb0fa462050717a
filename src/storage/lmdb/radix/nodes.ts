import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { NodePosition } from './conversation-nodes.js';

/** Blocks that conversations share, one after the other, up to where some go other ways. */
export interface RadixNode {
  /** The node that these blocks come after; 0: they begin a conversation. */
  readonly parent: number;
  /** Blocks before the first of these. */
  readonly start: number;
  /** Their fingerprints. */
  readonly blocks: Uint8Array;
}

export function encodeRadixNode({ parent, start, blocks }: RadixNode): Uint8Array {
  const writer = new ByteWriter(blocks.length + 16).varint(parent);
  // The first node of a conversation begins with it.
  if (parent !== 0) writer.varint(start);
  return writer.raw(blocks).finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeRadixNode(record: Uint8Array): RadixNode {
  const reader = new ByteReader(record);
  const parent = reader.varint();
  const node = { parent, start: parent === 0 ? 0 : reader.varint(), blocks: reader.rest() };
  if (node.blocks.length === 0 || node.blocks.length % prefixFingerprintBytes !== 0) {
    throw new StowkenError('CORRUPT_STORE', 'a node of the prefix index does not decode');
  }
  return node;
}

/** Blocks up to the end of the node. */
export function nodeEnd({ start, blocks }: RadixNode): number {
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

/** Where a node is found from the one before it: by its first block, and of those without one by application too. */
export function edgeKey(parent: number, firstBlock: Uint8Array, application: string): Buffer {
  const key = [nodeKey(parent), firstBlock];
  return Buffer.concat(parent === 0 ? [...key, Buffer.from(application, 'utf8')] : key);
}

/** The application of a key under which a conversation's first node is found. */
export function applicationOfEdge(key: Buffer): string {
  return key.toString('utf8', nodeKey(0).length + prefixFingerprintBytes);
}

export interface RadixEnd extends NodePosition {
  readonly conversation: number;
}

export function endKey({ node: node, depth, conversation }: RadixEnd): Buffer {
  return Buffer.concat([node, depth, conversation].map(sortedNumber));
}

export function endOfKey(key: Buffer): RadixEnd {
  let at = 0;
  const next = () => {
    const bytes = key[at] ?? 0;
    const number = bytes === 0 ? 0 : key.readUIntBE(at + 1, bytes);
    at += 1 + bytes;
    return number;
  };
  return { node: next(), depth: next(), conversation: next() };
}

/** All keys of a node's children, or of its ends, lie between this and the next node's. */
export function nodeKey(node: number): Buffer {
  return sortedNumber(node);
}

/** How many bytes a number below 2^48 has, and these: sorts as the numbers do. */
function sortedNumber(number: number): Buffer {
  let bytes = 0;
  for (let rest = number; rest > 0; rest = Math.floor(rest / 0x100)) bytes += 1;
  const sorted = Buffer.alloc(1 + bytes, bytes);
  if (bytes > 0) sorted.writeUIntBE(number, 1, bytes);
  return sorted;
}
