import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { ConversationNumber, NodeId, StringCode } from '../tables/ids.js';
import type { NodePosition } from './places.js';

/** Consecutive blocks shared by conversations, up to a point where some differ. */
export interface RadixNode {
  /** Number of the node before these blocks; 0: they begin a conversation. */
  readonly parent: NodeId;
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
  const parent = reader.varint() as NodeId;
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

/** Beginning of every path, before all blocks. No node is stored for it. */
export const ROOT = 0 as NodeId;
const rootKey = nodeKey(ROOT);
/** Byte before the code of an application: no UTF-8 has it. */
const CODED = 0xff;

/** Names by their codes. */
export interface RadixNames {
  /** Undefined if a name has no code. */
  codeOf(name: string): StringCode | undefined;
  stringOf(code: StringCode): string;
}

/**
 * Returns the key of an edge from a node to the next: by the next node's first block, and for nodes without a
 * parent by application too, as its code if it has one.
 */
export function edgeKey(
  parent: NodeId,
  firstBlock: Uint8Array,
  application: string,
  code: StringCode | undefined,
): Buffer {
  const beginning = edgeBeginning(parent, firstBlock);
  if (parent !== 0) return beginning;
  if (code === undefined) return Buffer.concat([beginning, Buffer.from(application, 'utf8')]);
  return Buffer.concat([beginning, Buffer.of(CODED), new ByteWriter(8).varint(code).finish()]);
}

/** Returns what the keys of edges from a node to those with this first block begin with. */
export function edgeBeginning(parent: NodeId, firstBlock: Uint8Array): Buffer {
  return Buffer.concat([nodeKey(parent), firstBlock]);
}

/** Returns the node that an edge leaves, the block that it begins with, and the application after node 0. */
export function edgeOfKey(
  key: Buffer,
  nameOf: (code: StringCode) => string,
): { node: NodeId; block: string; application: string | undefined } {
  const bytes = key[0] ?? 0;
  const node = (bytes === 0 ? 0 : key.readUIntBE(1, bytes)) as NodeId;
  const at = 1 + bytes;
  const block = key.toString('hex', at, at + prefixFingerprintBytes);
  return { node, block, application: node === 0 ? applicationOfEdge(key, nameOf) : undefined };
}

/** Returns the application in the key of an edge to a conversation's first node. */
export function applicationOfEdge(key: Buffer, nameOf: (code: StringCode) => string): string {
  const at = rootKey.length + prefixFingerprintBytes;
  if (key[at] !== CODED) return key.toString('utf8', at);
  return nameOf(new ByteReader(key, at + 1).varint() as StringCode);
}

/** Returns the first block in the key of an edge to a conversation's first node. */
export function firstBlockOfEdge(key: Buffer): Uint8Array {
  const at = rootKey.length;
  return key.subarray(at, at + prefixFingerprintBytes);
}

/** True if an edge to a conversation's first node has its application as text. */
export function hasTextApplication(key: Buffer): boolean {
  return key[0] === 0 && key[rootKey.length + prefixFingerprintBytes] !== CODED;
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
  return { node: next() as NodeId, depth: next(), conversation: next() as ConversationNumber };
}

/**
 * Returns the lower bound of the keys of a node's children, or of its ends; the next node's is the upper
 * bound.
 */
export function nodeKey(node: NodeId): Buffer {
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
