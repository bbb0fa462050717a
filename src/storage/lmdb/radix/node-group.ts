import { StowkenError } from '../../../model/index.js';
import { prefixFingerprintBytes } from '../../contract/queries.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { ConversationNumber, NodeId } from '../tables/ids.js';
import { RADIX_NODES_PER_GROUP } from '../tables/layout.js';
import { blockCount, decodeRadixNode, type RadixNode } from './nodes.js';

/** Keys from here on are those of groups; below are nodes as formats 2 and 3 stored them, one by one. */
export const FIRST_GROUP_KEY = 2 ** 31;

export type NodeRow = RadixNode | undefined;

/** Returns the key of the group that has a node. */
export function groupKeyOf(node: NodeId): number {
  return FIRST_GROUP_KEY + Math.floor(node / RADIX_NODES_PER_GROUP);
}

/** Returns the number of a group's first node. */
export function firstNodeOf(groupKey: number): NodeId {
  return ((groupKey - FIRST_GROUP_KEY) * RADIX_NODES_PER_GROUP) as NodeId;
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
  const reader = new RowReader(key, record);
  const rows: NodeRow[] = [];
  while (reader.next()) rows.push(reader.row());
  if (rows.length > RADIX_NODES_PER_GROUP || (rows.length > 0 && !rows.at(-1))) throw corrupt();
  return rows;
}

/**
 * Decodes one row of a group; its fingerprints are a view of the record. Rows after it are not checked.
 * @throws StowkenError CORRUPT_STORE
 */
export function decodeRow(key: number, record: Uint8Array, at: number): NodeRow {
  const reader = new RowReader(key, record);
  for (let row = 0; reader.next(); row++) if (row === at) return reader.row();
  return undefined;
}

/** Goes through the rows of a group without an object for each. */
class RowReader {
  readonly #reader: ByteReader;
  /** Number of the node of this row. */
  #node: number;
  #parent = 0;
  #start = 0;
  #firstByte = 0;
  #ends = false;
  #ended = 0;

  constructor(
    key: number,
    private readonly record: Uint8Array,
  ) {
    this.#reader = new ByteReader(record);
    this.#node = firstNodeOf(key) - 1;
  }

  /** Moves to the next row; returns false after the last. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.atEnd) return false;
    this.#node += 1;
    const blocks = reader.varint();
    if (blocks > 0) {
      const before = reader.varint();
      this.#parent = before === 0 ? 0 : this.#node - unzigzag(before - 1);
      this.#start = before === 0 ? 0 : reader.varint();
      const end = reader.varint();
      this.#ends = end > 0;
      if (this.#ends) this.#ended += unzigzag(end - 1);
      if (this.#parent < 0 || (before > 0 && this.#parent === 0) || (this.#ends && this.#ended <= 0))
        throw corrupt();
    }
    this.#firstByte = reader.skip(blocks * prefixFingerprintBytes);
    return true;
  }

  /** Returns this row. */
  row(): NodeRow {
    if (this.#firstByte === this.#reader.position) return undefined;
    const blocks = this.record.subarray(this.#firstByte, this.#reader.position);
    const node = { parent: this.#parent as NodeId, start: this.#start, blocks };
    return this.#ends ? { ...node, ending: this.#ended as ConversationNumber } : node;
  }
}

/** A node with its number. */
export interface NumberedNode {
  readonly number: NodeId;
  readonly node: RadixNode;
}

/** Returns the nodes of a record, of either form. @throws StowkenError CORRUPT_STORE */
export function nodesIn(key: number, record: Uint8Array): NumberedNode[] {
  if (key < FIRST_GROUP_KEY) return [{ number: key as NodeId, node: decodeRadixNode(record) }];
  const first = firstNodeOf(key);
  return decodeGroup(key, record).flatMap((node, at) =>
    node ? [{ number: (first + at) as NodeId, node }] : [],
  );
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
