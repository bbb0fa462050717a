import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { corruptPack } from './columns.js';

/** Conversations of a pack that are there. The pack itself is never changed: its head records the changes. */
export interface PackHead {
  /** Number of the conversations in the pack, whether or not they are there. */
  readonly packed: number;
  /** Ascending; never empty. */
  readonly numbers: readonly number[];
  /** Distances that are not those in the pack, by number; see chain.ts. */
  readonly distances: ReadonlyMap<number, number>;
}

/**
 * Encodes a head under the pack's key: varint conversations in the pack; varint number of runs; for each run
 * of successive numbers varint numbers left out before it, varint length - 1; then for each distance that is
 * not the pack's varint difference to the number before, varint distance.
 */
export function encodeHead(key: number, { packed, numbers, distances }: PackHead): Uint8Array {
  const runs: { first: number; length: number }[] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last.first + last.length === number) last.length += 1;
    else runs.push({ first: number, length: 1 });
  }
  const writer = new ByteWriter().varint(packed).varint(runs.length);
  let next = key;
  for (const { first, length } of runs) {
    writer.varint(first - next).varint(length - 1);
    next = first + length;
  }
  let before = key;
  for (const number of [...distances.keys()].sort((a, b) => a - b)) {
    writer.varint(number - before).varint(distances.get(number)!);
    before = number;
  }
  return writer.finish();
}

/** Conversations that a pack may have at most. */
export const PACK_CONVERSATIONS_MAX = 512;

/** @throws StowkenError CORRUPT_STORE */
export function decodeHead(key: number, record: Uint8Array): PackHead {
  const reader = new ByteReader(record);
  const packed = reader.varint();
  const numbers: number[] = [];
  let next = key;
  for (let left = reader.varint(); left > 0; left--) {
    const first = next + reader.varint();
    next = first + reader.varint() + 1;
    if (numbers.length + next - first > PACK_CONVERSATIONS_MAX)
      throw corruptPack('has more conversations than one can have');
    for (let number = first; number < next; number++) numbers.push(number);
  }
  if (numbers.length === 0 || numbers.length > packed)
    throw corruptPack('has a head that contradicts itself');
  const distances = new Map<number, number>();
  for (let before = key; !reader.atEnd;) {
    before += reader.varint();
    distances.set(before, reader.varint());
  }
  return { packed, numbers, distances };
}
