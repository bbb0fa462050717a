import { ByteReader, ByteWriter } from '../../shared/bytes.js';

/**
 * Each conversation's record has the distance to the number before it, and the state has the last number. So
 * a list can prove of every record whether it is the next, and a record that cannot be found is damage
 * instead of a short list. Most distances are 1, and take no byte.
 *
 *     varint flags; if GAP is set, varint distance; the rest according to the flags
 */
export const GAP = 64;
export const NO_GAP = 1;

/** @throws StowkenError CORRUPT_STORE */
export function distanceOf(record: Uint8Array): number {
  const reader = new ByteReader(record);
  return reader.varint() & GAP ? reader.varint() : NO_GAP;
}

/**
 * Returns the same record with another distance to the conversation before.
 * @throws StowkenError CORRUPT_STORE
 */
export function withDistance(record: Uint8Array, distance: number): Uint8Array {
  const reader = new ByteReader(record);
  const set = reader.varint();
  if (set & GAP) reader.varint();
  const writer = new ByteWriter(record.length + 16);
  if (distance === NO_GAP) writer.varint(set & ~GAP);
  else writer.varint(set | GAP).varint(distance);
  return writer.raw(reader.rest()).finish();
}
