import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter, varintBytes } from '../../shared/bytes.js';
import { REFERENCE_CHUNK_BYTES } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** All keys begin with it, also that of the first chunk, which has nothing else: LMDB has no empty keys. */
const KEY_PREFIX = '\x01';

/**
 * Which outside holder refers to which segment: a sorted set, in chunks. A chunk's key is a lower bound of
 * its entries. Of one write transaction; changes are kept until flush().
 */
export class References {
  readonly #stored = new Map<string, Set<ReferenceBytes>>();
  /** Whether an entry is there, where that is not what is stored. */
  readonly #changes = new Map<ReferenceBytes, boolean>();

  constructor(private readonly table: Table<Buffer>) {}

  /** False when it was there already. */
  add(id: number, holder: string): boolean {
    return this.#change(referenceBytes(id, holder), true);
  }

  /** False when it was not there. */
  remove(id: number, holder: string): boolean {
    return this.#change(referenceBytes(id, holder), false);
  }

  flush(): void {
    const changes = [...this.#changes].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < changes.length;) {
      const first = changes[at]?.[0] ?? '';
      const key = this.#chunkKey(first);
      const end = this.#keyAfter(key);
      const mine: typeof changes = [];
      for (; at < changes.length; at++) {
        const change = changes[at]!;
        if (end !== undefined && keyOf(change[0]).compare(end) >= 0) break;
        mine.push(change);
      }
      this.#rewrite(key, mine);
    }
    this.#changes.clear();
    this.#stored.clear();
  }

  #change(entry: ReferenceBytes, present: boolean): boolean {
    const stored = this.#entriesAt(this.#chunkKey(entry)).has(entry);
    if ((this.#changes.get(entry) ?? stored) === present) return false;
    if (stored === present) this.#changes.delete(entry);
    else this.#changes.set(entry, present);
    return true;
  }

  #rewrite(key: Buffer, changes: readonly (readonly [ReferenceBytes, boolean])[]): void {
    const entries = new Set(this.#entriesAt(key));
    const lastBefore = [...entries].at(-1) ?? '';
    for (const [entry, present] of changes) {
      if (present) entries.add(entry);
      else entries.delete(entry);
    }
    const sorted = [...entries].sort();
    // What comes in order leaves full chunks behind it; anything else, room in all of them.
    const inOrder = changes.every(([entry]) => entry > lastBefore);
    const whole = encodedBytes(sorted);
    const pieces = Math.max(1, Math.ceil(whole / REFERENCE_CHUNK_BYTES));
    const chunks = encodeReferences(sorted, inOrder ? REFERENCE_CHUNK_BYTES : Math.ceil(whole / pieces));
    if (chunks.length === 0) this.table.remove(key);
    let before: ReferenceBytes | undefined;
    for (const { first, last, record } of chunks) {
      if (before === undefined) this.table.put(key, record);
      else this.table.putNew(keyOf(separator(before, first)), record);
      before = last;
    }
  }

  #entriesAt(key: Buffer): Set<ReferenceBytes> {
    const name = key.toString('latin1');
    let entries = this.#stored.get(name);
    if (!entries) {
      const record = this.table.get(key);
      entries = new Set(record && decodeReferences(record));
      this.#stored.set(name, entries);
    }
    return entries;
  }

  #chunkKey(entry: ReferenceBytes): Buffer {
    return this.table.floor(keyOf(entry))?.key ?? keyOf('');
  }

  /** The key of the chunk after this one. */
  #keyAfter(key: Buffer): Buffer | undefined {
    for (const entry of this.table.range({ start: key, limit: 2 })) {
      if (entry.key.compare(key) > 0) return entry.key;
    }
    return undefined;
  }
}

function keyOf(entry: ReferenceBytes): Buffer {
  return Buffer.from(KEY_PREFIX + entry, 'latin1');
}

/** The shortest beginning of `right` that sorts after `left`. */
function separator(left: ReferenceBytes, right: ReferenceBytes): ReferenceBytes {
  return right.slice(0, sharedLength(left, right) + 1);
}

/** An outside reference as bytes, one character each, so that strings compare as the bytes do. */
export type ReferenceBytes = string;

/** Stands between a holder and a segment's id; no UTF-8 has it. */
const SEPARATOR = '\xff';
const TAIL_BYTES = 5;

/** A holder's references lie together, in the order of the segments' ids. */
export function referenceBytes(id: number, holder: string): ReferenceBytes {
  const tail = Buffer.alloc(TAIL_BYTES - 1);
  tail.writeUInt32BE(id);
  return Buffer.from(holder, 'utf8').toString('latin1') + SEPARATOR + tail.toString('latin1');
}

/** @throws StowkenError CORRUPT_STORE */
export function referenceOfBytes(bytes: ReferenceBytes): { readonly id: number; readonly holder: string } {
  const holderBytes = bytes.length - TAIL_BYTES;
  if (holderBytes < 1 || bytes[holderBytes] !== SEPARATOR) {
    throw new StowkenError('CORRUPT_STORE', 'a stored reference does not decode');
  }
  const raw = Buffer.from(bytes, 'latin1');
  return {
    id: raw.readUInt32BE(holderBytes + 1),
    holder: raw.subarray(0, holderBytes).toString('utf8'),
  };
}

/** Each entry: the bytes that it shares with the one before, and the rest. */
export function decodeReferences(record: Uint8Array): ReferenceBytes[] {
  const reader = new ByteReader(record);
  const entries: ReferenceBytes[] = [];
  let before = '';
  while (!reader.atEnd) {
    const shared = reader.varint();
    const rest = reader.raw(reader.varint());
    before = before.slice(0, shared) + Buffer.from(rest).toString('latin1');
    entries.push(before);
  }
  return entries;
}

export interface ReferenceChunk {
  readonly first: ReferenceBytes;
  readonly last: ReferenceBytes;
  readonly record: Uint8Array;
}

/** Entries in their order as chunks of `bytesMax` bytes at most, but for an entry that is longer alone. */
export function encodeReferences(entries: readonly ReferenceBytes[], bytesMax: number): ReferenceChunk[] {
  const chunks: ReferenceChunk[] = [];
  let writer = new ByteWriter();
  let first = entries[0] ?? '';
  let before = '';
  const finish = (last: ReferenceBytes) => chunks.push({ first, last, record: writer.finish() });
  for (const entry of entries) {
    if (writer.length > 0 && writer.length + entryBytes(before, entry) > bytesMax) {
      finish(before);
      writer = new ByteWriter();
      first = entry;
      before = '';
    }
    const shared = sharedLength(before, entry);
    const rest = Buffer.from(entry.slice(shared), 'latin1');
    writer.varint(shared).varint(rest.length).raw(rest);
    before = entry;
  }
  if (writer.length > 0) finish(before);
  return chunks;
}

/** What the entries take in one chunk. */
export function encodedBytes(entries: readonly ReferenceBytes[]): number {
  return entries.reduce((sum, entry, index) => sum + entryBytes(entries[index - 1] ?? '', entry), 0);
}

function entryBytes(before: ReferenceBytes, entry: ReferenceBytes): number {
  const shared = sharedLength(before, entry);
  const rest = entry.length - shared;
  return varintBytes(shared) + varintBytes(rest) + rest;
}

export function sharedLength(a: ReferenceBytes, b: ReferenceBytes): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
