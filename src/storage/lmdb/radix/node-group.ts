import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { ConversationNumber } from '../tables/ids.js';
import { RADIX_NODES_PER_GROUP } from '../tables/layout.js';
import { blockCount, decodeRadixNode, type RadixNode } from './nodes.js';

/** Keys from here on are those of groups; below are nodes as formats 2 and 3 stored them, one by one. */
export const FIRST_GROUP_KEY = 2 ** 31;

export type NodeRow = RadixNode | undefined;

/** Returns the key of the group that has a node. */
export function groupKeyOf(node: number): number {
  return FIRST_GROUP_KEY + Math.floor(node / RADIX_NODES_PER_GROUP);
}

/** Returns the number of a group's first node. */
export function firstNodeOf(groupKey: number): number {
  return (groupKey - FIRST_GROUP_KEY) * RADIX_NODES_PER_GROUP;
}

/**
 * Encodes the nodes with successive numbers, from the group's first one on: varint blocks, 0 alone where
 * there is no node; varint 0, or 1 + zigzag distance to the node before and varint blocks before; varint 0,
 * or 1 + zigzag distance from the last conversation that ends with a node here to the one that ends with this
 * one; the fingerprints.
 */
export function encodeGroup(key: number, rows: readonly NodeRow[]): Uint8Array {
  const first = firstNodeOf(key);
  const writer = new ByteWriter();
  let ended = 0;
  let bytes = 0;
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at];
    writer.varint(row ? blockCount(row.blocks) : 0);
    if (!row) continue;
    if (row.parent === 0) writer.varint(0);
    else writer.varint(1 + zigzag(first + at - row.parent)).varint(row.start);
    writer.varint(row.ending === undefined ? 0 : 1 + zigzag(row.ending - ended));
    ended = row.ending ?? ended;
    bytes = writer.raw(row.blocks).length;
  }
  return writer.finish().subarray(0, bytes);
}

/** Decodes a group; fingerprints are views of the record. @throws StowkenError CORRUPT_STORE */
export function decodeGroup(key: number, record: Uint8Array): NodeRow[] {
  const first = firstNodeOf(key);
  const reader = new ByteReader(record);
  const rows: NodeRow[] = [];
  let ended = 0;
  while (!reader.atEnd) {
    const blocks = reader.varint();
    if (blocks === 0) {
      rows.push(undefined);
      continue;
    }
    const before = reader.varint();
    const parent = before === 0 ? 0 : first + rows.length - unzigzag(before - 1);
    const start = before === 0 ? 0 : reader.varint();
    const end = reader.varint();
    if (end > 0) ended += unzigzag(end - 1);
    const node = { parent, start, blocks: reader.raw(blocks * prefixFingerprintBytes) };
    if (parent < 0 || (before > 0 && parent === 0) || (end > 0 && ended <= 0)) throw corrupt();
    rows.push(end > 0 ? { ...node, ending: ended as ConversationNumber } : node);
  }
  if (rows.length > RADIX_NODES_PER_GROUP || (rows.length > 0 && !rows.at(-1))) throw corrupt();
  return rows;
}

/** A node with its number. */
export interface NumberedNode {
  readonly number: number;
  readonly node: RadixNode;
}

/** Returns the nodes of a record, of either form. @throws StowkenError CORRUPT_STORE */
export function nodesIn(key: number, record: Uint8Array): NumberedNode[] {
  if (key < FIRST_GROUP_KEY) return [{ number: key, node: decodeRadixNode(record) }];
  const first = firstNodeOf(key);
  return decodeGroup(key, record).flatMap((node, at) => (node ? [{ number: first + at, node }] : []));
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function corrupt(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'a group of nodes of the prefix index does not decode');
}
