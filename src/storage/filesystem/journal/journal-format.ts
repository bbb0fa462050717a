import { createHash } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { journalName } from '../layout/paths.js';
import type { FileChanges } from './file-placer.js';

/** First bytes of a journal. They differ from the older ones in more than one bit. */
export const MAGIC = Buffer.from('stowken-journal 3\n', 'latin1');
/** First bytes of journals whose records have neither a checksum of their length nor an end mark. */
const MAGIC_2 = Buffer.from('stowken journal 2\n', 'latin1');

const LENGTH_BYTES = 4;
const LENGTH_CHECKSUM_BYTES = 8;
const CHECKSUM_BYTES = 32;
/** Last byte of a record. It is not zero, so that a record whose end was not written ends in another byte. */
const END_MARK = 0xff;
/** Size of what a disk writes wholly or not at all. */
const SECTOR_BYTES = 512;

/** Layout of records: a head with the payload's length and checksum, the payload, and perhaps an end mark. */
interface Layout {
  readonly checksumAt: number;
  readonly headBytes: number;
  readonly endBytes: number;
}

const layout3: Layout = {
  checksumAt: LENGTH_BYTES + LENGTH_CHECKSUM_BYTES,
  headBytes: LENGTH_BYTES + LENGTH_CHECKSUM_BYTES + CHECKSUM_BYTES,
  endBytes: 1,
};
const layout2: Layout = {
  checksumAt: LENGTH_BYTES,
  headBytes: LENGTH_BYTES + CHECKSUM_BYTES,
  endBytes: 0,
};

/** Returns the record of a commit, for one place in one journal. */
export function encodeRecord(changes: FileChanges, number: number, offset: number): Uint8Array {
  const writer = new ByteWriter(4096).varint(changes.size);
  for (const [path, bytes] of changes) {
    writer.text(path).byte(bytes ? 1 : 0);
    if (bytes) writer.varint(bytes.length).raw(bytes);
  }
  const payload = writer.finish();
  const { checksumAt, headBytes, endBytes } = layout3;
  const record = Buffer.alloc(headBytes + payload.length + endBytes, END_MARK);
  record.writeUInt32LE(payload.length, 0);
  lengthChecksum(payload.length, number, offset).copy(record, LENGTH_BYTES);
  checksum(payload, number, offset).copy(record, checksumAt);
  record.set(payload, headBytes);
  return record;
}

/**
 * Returns the commits in a journal's bytes, in order. Only a commit that was never acknowledged can be
 * incomplete: it is the last record of the last journal, and is left out.
 * @throws StowkenError CORRUPT_STORE if a commit that may have been acknowledged is damaged
 */
export function readJournal(bytes: Uint8Array, number: number, isLast: boolean): FileChanges[] {
  const magic = Buffer.from(bytes.subarray(0, MAGIC.length));
  if (!MAGIC.equals(magic) && !MAGIC_2.equals(magic)) {
    // A crash may have occurred between the file's name and its first bytes.
    if (isLast && bytes.length <= MAGIC.length) return [];
    throw damaged(number, 0);
  }
  const layout = MAGIC.equals(magic) ? layout3 : layout2;
  const isIncomplete = layout === layout3 ? isTorn : isLastOfFormat2;
  const commits: FileChanges[] = [];
  let offset = MAGIC.length;
  while (offset < bytes.length) {
    const payload = payloadAt(bytes, number, offset, layout);
    if (!payload) {
      if (!isLast || !isIncomplete(bytes, number, offset)) throw damaged(number, offset);
      break;
    }
    commits.push(decodePayload(payload));
    offset += layout.headBytes + payload.length + layout.endBytes;
  }
  return commits;
}

/**
 * True if a record without its checksum was not written wholly, so that it was never acknowledged:
 * - its end is missing: a process was killed while it wrote;
 * - it is the last one, and a sector of it, or its end, is zero: the power failed, and the file's length was
 *   on the disk before its content.
 * Any other record was whole once, and bits of it changed. A length that changed does not count as an end
 * that is missing, because it has a checksum of its own.
 */
function isTorn(bytes: Uint8Array, number: number, offset: number): boolean {
  const { headBytes, endBytes } = layout3;
  if (offset + headBytes > bytes.length) return true;
  const length = lengthAt(bytes, offset);
  const kept = bytes.subarray(offset + LENGTH_BYTES, offset + LENGTH_BYTES + LENGTH_CHECKSUM_BYTES);
  if (lengthChecksum(length, number, offset).equals(kept)) {
    const end = offset + headBytes + length + endBytes;
    if (end !== bytes.length) return end > bytes.length;
  }
  return bytes.at(-1) === 0 || hasZeroSector(bytes, offset);
}

/** True if the bytes from `offset` on that are in one sector of the file are all zero, in some sector. */
function hasZeroSector(bytes: Uint8Array, offset: number): boolean {
  for (let from = offset; from < bytes.length;) {
    const to = from - (from % SECTOR_BYTES) + SECTOR_BYTES;
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}

/** True if no whole record follows: only that distinguishes a torn record from a damaged one. */
function isLastOfFormat2(bytes: Uint8Array, number: number, offset: number): boolean {
  const { headBytes } = layout2;
  if (offset + headBytes > bytes.length) return true;
  return payloadAt(bytes, number, offset + headBytes + lengthAt(bytes, offset), layout2) === undefined;
}

function decodePayload(payload: Uint8Array): FileChanges {
  const reader = new ByteReader(payload);
  const changes = new Map<string, Uint8Array | undefined>();
  for (let count = reader.varint(); count > 0; count--) {
    const path = reader.text();
    changes.set(path, reader.byte() === 1 ? reader.raw(reader.varint()) : undefined);
  }
  return changes;
}

/** Returns the payload of the record at a place; undefined if there is none that has its checksum. */
function payloadAt(
  bytes: Uint8Array,
  number: number,
  offset: number,
  { checksumAt, headBytes, endBytes }: Layout,
): Uint8Array | undefined {
  if (offset + headBytes > bytes.length) return undefined;
  const length = lengthAt(bytes, offset);
  if (offset + headBytes + length + endBytes > bytes.length) return undefined;
  const payload = bytes.subarray(offset + headBytes, offset + headBytes + length);
  const kept = bytes.subarray(offset + checksumAt, offset + headBytes);
  return checksum(payload, number, offset).equals(kept) ? payload : undefined;
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, LENGTH_BYTES).getUint32(0, true);
}

/** Covers the record's place too, so that no other bytes are taken for it. */
function checksum(payload: Uint8Array, number: number, offset: number): Buffer {
  return createHash('sha256').update(`${number}:${offset}:`).update(payload).digest();
}

function lengthChecksum(length: number, number: number, offset: number): Buffer {
  const digest = createHash('sha256').update(`${number}:${offset}:${length}`).digest();
  return digest.subarray(0, LENGTH_CHECKSUM_BYTES);
}

function damaged(number: number, offset: number): StowkenError {
  const name = journalName(number);
  return new StowkenError(
    'CORRUPT_STORE',
    `${name} is damaged at byte ${offset}: it holds commits that were acknowledged. Use a copy of the vault; or, to do ` +
      `without these commits, move the file out of the folder, start again, and run stowken verify`,
    { journal: name, offset: String(offset) },
  );
}
