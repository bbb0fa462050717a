import { ByteReader, ByteWriter } from '../../bytes.js';

/** An id's UTF-8 bytes, and the conversation's number. */
export interface IdEntry {
  readonly id: Buffer;
  readonly number: number;
}

/** Where an id is in a chunk, or where it belongs. */
export interface IdPlace {
  /** The conversation's number, when the id is there. */
  readonly found: number | undefined;
  /** Whether a new entry would be the chunk's last. */
  readonly atEnd: boolean;
  /** Offset of the first entry that is greater. */
  readonly cut: number;
  /** Bytes shared with the entry before the cut, and its number. */
  readonly shared: number;
  readonly numberBefore: number;
  readonly next: NextEntry | undefined;
}

interface NextEntry {
  readonly sharedWithNew: number;
  /** Its bytes after those that it shares with the new entry. */
  readonly rest: Uint8Array;
  readonly number: number;
  readonly end: number;
}

/**
 * A chunk of the id index: ids in the order of their bytes, each as the bytes that it shares with the one
 * before, the rest, and the distance to the number before. Searched and changed as bytes.
 */
export function locateId(chunk: Uint8Array, id: Uint8Array): IdPlace {
  const reader = new ByteReader(chunk);
  /** Bytes that the id shares with the entry just passed. */
  let shared = 0;
  let number = 0;
  while (!reader.atEnd) {
    const cut = reader.position;
    const sharedBefore = reader.varint();
    const rest = reader.raw(reader.varint());
    const numberBefore = number;
    number += reader.zigzag();
    // It shares more with the entry before than the id does: both stand on the same side of the id.
    if (sharedBefore > shared) continue;
    const equal = sharedBefore < shared ? 0 : commonPrefix(rest, id, shared);
    const sharedWithNew = sharedBefore + equal;
    const idEnds = sharedWithNew === id.length;
    if (sharedBefore === shared && equal === rest.length && idEnds) {
      return { found: number, atEnd: reader.atEnd, cut, shared, numberBefore, next: undefined };
    }
    const isGreater =
      sharedBefore < shared || idEnds || (equal < rest.length && rest[equal]! > id[sharedWithNew]!);
    if (isGreater) {
      const next = { sharedWithNew, rest: rest.subarray(equal), number, end: reader.position };
      return { found: undefined, atEnd: false, cut, shared, numberBefore, next };
    }
    shared = sharedWithNew;
  }
  return { found: undefined, atEnd: true, cut: chunk.length, shared, numberBefore: number, next: undefined };
}

/** A new chunk that has the id where locateId says that it belongs. */
export function insertId(chunk: Uint8Array, place: IdPlace, { id, number }: IdEntry): Uint8Array {
  const { cut, shared, numberBefore, next } = place;
  const writer = new ByteWriter(chunk.length + id.length + 16);
  writer.raw(chunk.subarray(0, cut));
  writeEntry(writer, shared, id.subarray(shared), number - numberBefore);
  if (next) {
    writeEntry(writer, next.sharedWithNew, next.rest, next.number - number);
    writer.raw(chunk.subarray(next.end));
  }
  return writer.finish();
}

export function encodeIdChunk(entries: readonly IdEntry[]): Uint8Array {
  const writer = new ByteWriter();
  let before: IdEntry = { id: Buffer.alloc(0), number: 0 };
  for (const entry of entries) {
    const shared = commonPrefix(before.id, entry.id, 0);
    writeEntry(writer, shared, entry.id.subarray(shared), entry.number - before.number);
    before = entry;
  }
  return writer.finish();
}

export function decodeIdChunk(chunk: Uint8Array): IdEntry[] {
  const reader = new ByteReader(chunk);
  const entries: IdEntry[] = [];
  let before: IdEntry = { id: Buffer.alloc(0), number: 0 };
  while (!reader.atEnd) {
    const shared = reader.varint();
    const rest = reader.raw(reader.varint());
    const id = Buffer.concat([before.id.subarray(0, shared), rest]);
    before = { id, number: before.number + reader.zigzag() };
    entries.push(before);
  }
  return entries;
}

/** How many of the first bytes of `a` are those of `b` from `from` on. */
export function commonPrefix(a: Uint8Array, b: Uint8Array, from: number): number {
  const end = Math.min(a.length, b.length - from);
  let length = 0;
  while (length < end && a[length] === b[from + length]) length++;
  return length;
}

function writeEntry(writer: ByteWriter, shared: number, rest: Uint8Array, numberDistance: number): void {
  writer.varint(shared).varint(rest.length).raw(rest).zigzag(numberDistance);
}
