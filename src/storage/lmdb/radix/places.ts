// Places of consecutive conversations in the prefix index, in two forms. Plain: for each varint node and
// varint depth, node 0 alone for one without a place. Dense, as compaction writes it: the bytes 80 00, which
// no varint begins with; a byte low bits of a node's code, a byte low bits of a depth's, a byte how many
// conversations; varint the first node; then Rice codes: 0 for none, else 1 + zigzag distance of the node to
// the number that follows the node before (at first to the first node), and the depth.
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { bestLowBits, BitReader, BitWriter, LOW_BITS_MAX, unzigzag, zigzag } from '../tables/bit-stream.js';
import type { NodeId } from '../tables/ids.js';
import { CONVERSATION_NODES_PER_CHUNK } from '../tables/layout.js';

/**
 * A position in the index: so many blocks from a conversation's beginning, in this node. Node 0: before all
 * blocks.
 */
export interface NodePosition {
  readonly node: NodeId;
  readonly depth: number;
}

export type Places = (NodePosition | undefined)[];

const MARK = [0x80, 0x00] as const;
const NONE = 0;
/** Numbers from here on have no code. */
const CODES_END = 2 ** 32;

/** Encodes places in the plain form; nothing after the last one that there is. */
export function encodePlaces(places: Places): Uint8Array {
  const writer = new ByteWriter();
  let bytes = 0;
  for (let index = 0; index < places.length; index++) {
    const place = places[index];
    if (!place) writer.varint(0);
    else bytes = writer.varint(place.node).varint(place.depth).length;
  }
  return writer.finish().subarray(0, bytes);
}

/** Encodes places in the dense form; undefined if there is none, or a number is too large. */
export function encodeDensePlaces(places: Places): Uint8Array | undefined {
  const first = places.find((place) => place !== undefined);
  if (!first) return undefined;
  const count = places.findLastIndex((place) => place !== undefined) + 1;
  const codes: number[] = [];
  const depths: number[] = [];
  let expected: number = first.node;
  for (const place of places.slice(0, count)) {
    if (!place) codes.push(NONE);
    else {
      codes.push(1 + zigzag(place.node - expected));
      depths.push(place.depth);
      expected = place.node + 1;
    }
  }
  if ([...codes, ...depths].some((number) => number >= CODES_END)) return undefined;
  const [nodeBits, depthBits] = [bestLowBits(codes), bestLowBits(depths)];
  const bits = new BitWriter();
  let depth = 0;
  for (const code of codes) {
    bits.rice(code, nodeBits);
    if (code !== NONE) bits.rice(depths[depth++]!, depthBits);
  }
  const writer = new ByteWriter().raw(Uint8Array.from(MARK)).byte(nodeBits).byte(depthBits).byte(count);
  return writer.varint(first.node).raw(bits.finish()).finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePlaces(record: Uint8Array): Places {
  return isDensePlaces(record) ? decodeDense(record) : decodePlain(record);
}

export function isDensePlaces(record: Uint8Array): boolean {
  return record[0] === MARK[0] && record[1] === MARK[1];
}

function decodePlain(record: Uint8Array): Places {
  const reader = new ByteReader(record);
  const places: Places = [];
  while (!reader.atEnd) {
    const node = reader.varint() as NodeId;
    places.push(node === 0 ? undefined : { node, depth: reader.varint() });
  }
  return places;
}

function decodeDense(record: Uint8Array): Places {
  const reader = new ByteReader(record, MARK.length);
  const [nodeBits, depthBits, count] = [reader.byte(), reader.byte(), reader.byte()];
  let expected = reader.varint();
  if (Math.max(nodeBits, depthBits) > LOW_BITS_MAX || count > CONVERSATION_NODES_PER_CHUNK) throw corrupt();
  const bits = new BitReader(record, 8 * reader.position);
  const places: Places = [];
  for (let index = 0; index < count; index++) {
    const code = bits.rice(nodeBits);
    if (code === NONE) places.push(undefined);
    else {
      const node = expected + unzigzag(code - 1);
      if (node < 1) throw corrupt();
      places.push({ node: node as NodeId, depth: bits.rice(depthBits) });
      expected = node + 1;
    }
  }
  if (bits.position !== record.length) throw corrupt();
  return places;
}

function corrupt(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'places of conversations do not decode');
}
