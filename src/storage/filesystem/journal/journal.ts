import { createHash } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { Disk, LogFile } from '../disk/disk.js';
import { journalName } from '../layout/paths.js';
import type { FileChanges } from './file-placer.js';

const MAGIC = Buffer.from('stowken journal 2\n', 'latin1');
const LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 32;
const HEAD_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;

/**
 * A write-ahead journal: each record is one commit, with all the files that it writes and removes. A commit
 * is made the moment its record is durable. The files follow; when they are durable too, the journal is
 * removed.
 */
export class Journal {
  #length = MAGIC.length;
  #broken = false;

  private constructor(
    private readonly number: number,
    private readonly log: LogFile,
  ) {}

  /** Creates a new journal, durable with its name. */
  static async create(disk: Disk, number: number): Promise<Journal> {
    const log = await disk.createLog(journalName(number));
    try {
      await log.append(MAGIC);
      await disk.syncFolder('');
    } catch (error) {
      await log.close();
      throw error;
    }
    return new Journal(number, log);
  }

  /** Appends a commit. If it rejects, the commit is not in the journal, or the journal accepts no other. */
  async append(changes: FileChanges): Promise<void> {
    await this.mend();
    const record = encodeRecord(changes, this.number, this.#length);
    await this.#write(record);
    this.#length += record.length;
  }

  /** Rejects if nothing can be appended: writes so many bytes and removes them again. */
  async probe(bytes: number): Promise<void> {
    await this.mend();
    await this.#write(new Uint8Array(bytes));
    this.#broken = true;
    await this.mend();
  }

  /** Removes the rest of a failed write, if that could not be done at once. */
  async mend(): Promise<void> {
    if (!this.#broken) return;
    await this.log.truncate(this.#length);
    this.#broken = false;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.log.append(bytes);
    } catch (error) {
      this.#broken = true;
      await this.mend().catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

/**
 * Returns the commits in a journal's bytes, in order. Only a commit that was never acknowledged can be
 * incomplete: it is the last record of the last journal, and is left out.
 * @throws StowkenError CORRUPT_STORE if an acknowledged commit is damaged
 */
export function readJournal(bytes: Uint8Array, number: number, isLast: boolean): FileChanges[] {
  const head = bytes.subarray(0, MAGIC.length);
  if (!MAGIC.equals(head)) {
    // A crash may have occurred between the file's name and its first bytes.
    if (isLast && bytes.length <= MAGIC.length) return [];
    throw damaged(number, 0);
  }
  const commits: FileChanges[] = [];
  let offset = MAGIC.length;
  while (offset < bytes.length) {
    const payload = payloadAt(bytes, number, offset);
    if (!payload) {
      if (!isLast || followedByARecord(bytes, number, offset)) throw damaged(number, offset);
      break;
    }
    commits.push(decodePayload(payload));
    offset += HEAD_BYTES + payload.length;
  }
  return commits;
}

function encodeRecord(changes: FileChanges, number: number, offset: number): Uint8Array {
  const writer = new ByteWriter(4096).varint(changes.size);
  for (const [path, bytes] of changes) {
    writer.text(path).byte(bytes ? 1 : 0);
    if (bytes) writer.varint(bytes.length).raw(bytes);
  }
  const payload = writer.finish();
  const record = Buffer.alloc(HEAD_BYTES + payload.length);
  record.writeUInt32LE(payload.length, 0);
  checksum(payload, number, offset).copy(record, LENGTH_BYTES);
  record.set(payload, HEAD_BYTES);
  return record;
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

function payloadAt(bytes: Uint8Array, number: number, offset: number): Uint8Array | undefined {
  if (offset + HEAD_BYTES > bytes.length) return undefined;
  const length = lengthAt(bytes, offset);
  const payload = bytes.subarray(offset + HEAD_BYTES, offset + HEAD_BYTES + length);
  if (payload.length !== length) return undefined;
  const kept = bytes.subarray(offset + LENGTH_BYTES, offset + HEAD_BYTES);
  return checksum(payload, number, offset).equals(kept) ? payload : undefined;
}

function followedByARecord(bytes: Uint8Array, number: number, offset: number): boolean {
  if (offset + HEAD_BYTES > bytes.length) return false;
  return payloadAt(bytes, number, offset + HEAD_BYTES + lengthAt(bytes, offset)) !== undefined;
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, LENGTH_BYTES).getUint32(0, true);
}

/** Covers the record's place too, so that no other bytes are taken for it. */
function checksum(payload: Uint8Array, number: number, offset: number): Buffer {
  return createHash('sha256').update(`${number}:${offset}:`).update(payload).digest();
}

function damaged(number: number, offset: number): StowkenError {
  const name = journalName(number);
  return new StowkenError(
    'CORRUPT_STORE',
    `${name} is damaged at byte ${offset}: it holds commits that were acknowledged`,
    { journal: name, offset: String(offset) },
  );
}
