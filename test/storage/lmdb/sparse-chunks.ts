import { ByteWriter } from '../../../src/storage/shared/bytes.js';

/** Encodes a chunk of the hash index as formats 2 and 3 did; `base` is its first fingerprint. */
export function encodeSparse(
  base: number,
  last: number,
  entries: readonly (readonly [fingerprint: number, id: number])[],
): Uint8Array {
  const bound = Buffer.alloc(4);
  bound.writeUInt32LE(last, 0);
  const writer = new ByteWriter().raw(bound);
  let before = base;
  for (const [fingerprint, id] of entries) {
    writer.varint(fingerprint - before).varint(id);
    before = fingerprint;
  }
  return writer.finish();
}
