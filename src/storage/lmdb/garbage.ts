import { ByteReader, ByteWriter } from '../bytes.js';

/** A segment without references: since when, since which commit, and its frame's length. */
export interface GarbageRecord {
  readonly sinceMs: number;
  readonly sequence: number;
  readonly frameBytes: number;
}

export function encodeGarbage({ sinceMs, sequence, frameBytes }: GarbageRecord): Uint8Array {
  return new ByteWriter(24).varint(sinceMs).varint(sequence).varint(frameBytes).finish();
}

export function decodeGarbage(record: Uint8Array): GarbageRecord {
  const reader = new ByteReader(record);
  return { sinceMs: reader.varint(), sequence: reader.varint(), frameBytes: reader.varint() };
}
