import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { ByteReader } from '../../shared/bytes.js';
import type { ConversationNumber } from '../tables/ids.js';
import type { NodePosition } from './conversation-nodes.js';

/** Consecutive blocks shared by conversations, up to a point where some differ. */
export interface RadixNode {
  /** Number of the node before these blocks; 0: they begin a conversation. */
  readonly parent: number;
  /** Number of blocks before these. */
  readonly start: number;
  /** Their fingerprints. */
  readonly blocks: Uint8Array;
  /** A conversation that ends where they end; others may, and are in the table of ends. */
  readonly ending?: ConversationNumber | undefined;
}

/** Decodes a node that formats 2 and 3 stored alone. @throws StowkenError CORRUPT_STORE */
export function decodeRadixNode(record: Uint8Array): RadixNode {
  const reader = new ByteReader(record);
  const parent = reader.varint();
  const node = { parent, start: parent === 0 ? 0 : reader.varint(), blocks: reader.rest() };
  if (node.blocks.length === 0 || node.blocks.length % prefixFingerprintBytes !== 0) {
    throw new StowkenError('CORRUPT_STORE', 'a node of the prefix index does not decode');
  }
  return node;
}

/** Returns the number of blocks up to the node's end. */
export function nodeEnd({ start, blocks }: RadixNode): number {
  return start + blockCount(blocks);
}

export function blockCount(blocks: Uint8Array): number {
  return blocks.length / prefixFingerprintBytes;
}

/** Returns the fingerprints of a list from one block up to another. */
export function blocksOf(blocks: Uint8Array, from: number, to?: number): Uint8Array {
  return blocks.subarray(
    from * prefixFingerprintBytes,
    to === undefined ? undefined : to * prefixFingerprintBytes,
  );
}

/**
 * Returns the key of an edge from a node to the next: by the next node's first block, and for nodes without a
 * parent by application too.
 */
export function edgeKey(parent: number, firstBlock: Uint8Array, application: string): Buffer {
  const key = [nodeKey(parent), firstBlock];
  return Buffer.concat(parent === 0 ? [...key, Buffer.from(application, 'utf8')] : key);
}

/** Returns the node that an edge leaves, the block that it begins with, and the application after node 0. */
export function edgeOfKey(key: Buffer): { node: number; block: string; application: string | undefined } {
  const bytes = key[0] ?? 0;
  const node = bytes === 0 ? 0 : key.readUIntBE(1, bytes);
  const at = 1 + bytes;
  const block = key.toString('hex', at, at + prefixFingerprintBytes);
  return { node, block, application: node === 0 ? applicationOfEdge(key) : undefined };
}

/** Returns the application in the key of an edge to a conversation's first node. */
export function applicationOfEdge(key: Buffer): string {
  return key.toString('utf8', nodeKey(0).length + prefixFingerprintBytes);
}

export interface RadixEnd extends NodePosition {
  readonly conversation: ConversationNumber;
}

/** Without a conversation, the key is before those of all that end there. */
export function endKey({
  node,
  depth,
  conversation,
}: NodePosition & { readonly conversation: ConversationNumber | 0 }): Buffer {
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
  return { node: next(), depth: next(), conversation: next() as ConversationNumber };
}

/**
 * Returns the lower bound of the keys of a node's children, or of its ends; the next node's is the upper
 * bound.
 */
export function nodeKey(node: number): Buffer {
  return sortedNumber(node);
}

/** Encodes the size of a number below 2^48, then its bytes, which sort as the numbers do. */
function sortedNumber(number: number): Buffer {
  let bytes = 0;
  for (let rest = number; rest > 0; rest = Math.floor(rest / 0x100)) bytes += 1;
  const sorted = Buffer.alloc(1 + bytes, bytes);
  if (bytes > 0) sorted.writeUIntBE(number, 1, bytes);
  return sorted;
}
