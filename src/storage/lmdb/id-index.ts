import { ByteReader, ByteWriter } from '../bytes.js';
import { INDEX_CHUNK_BYTES } from './layout.js';
import type { Entry, Table } from './table.js';

/** An id's UTF-8 bytes, one character each, so that strings compare as the bytes do. */
export type IdBytes = string;

export interface IdEntry {
  readonly id: IdBytes;
  readonly number: number;
}

interface Chunk {
  readonly key: Buffer;
  readonly entries: IdEntry[];
}

/** All keys begin with it, also that of the first chunk, which has nothing else. */
const KEY_PREFIX = '\x01';

/**
 * From conversation ids to numbers, in the order of the ids' bytes. A chunk's key is a lower bound of
 * its ids, as short as separates it from the chunk before.
 */
export class IdIndex {
  constructor(private readonly table: Table<Buffer>) {}

  find(id: string): number | undefined {
    const bytes = idBytes(id);
    const chunk = this.#chunkOf(bytes);
    return chunk?.entries.find((entry) => entry.id === bytes)?.number;
  }

  insert(id: string, number: number): void {
    const bytes = idBytes(id);
    const { key, entries } = this.#chunkOf(bytes) ?? { key: keyOf(''), entries: [] };
    const found = entries.findIndex((entry) => entry.id > bytes);
    const at = found === -1 ? entries.length : found;
    entries.splice(at, 0, { id: bytes, number });
    const whole = encodeChunk(entries);
    if (whole.length <= INDEX_CHUNK_BYTES || entries.length === 1) {
      this.table.put(key, whole);
      return;
    }
    // Ids that come in order leave full chunks behind them.
    const cut = at === entries.length - 1 ? at : entries.length >> 1;
    const left = entries.slice(0, cut);
    const right = entries.slice(cut);
    this.table.put(key, encodeChunk(left));
    this.table.putNew(keyOf(separator(left.at(-1)?.id ?? '', right[0]?.id ?? '')), encodeChunk(right));
  }

  remove(id: string): void {
    const bytes = idBytes(id);
    const chunk = this.#chunkOf(bytes);
    if (!chunk) return;
    const rest = chunk.entries.filter((entry) => entry.id !== bytes);
    if (rest.length > 0) this.table.put(chunk.key, encodeChunk(rest));
    else this.table.remove(chunk.key);
  }

  /** Entries whose ids begin with this, in their order. */
  *withPrefix(prefix: string): Generator<IdEntry, void, void> {
    const bytes = idBytes(prefix);
    const start = this.table.floor(keyOf(bytes))?.key;
    for (const entry of this.table.range(start ? { start } : {})) {
      for (const found of decodeChunk(entry.value)) {
        if (found.id.startsWith(bytes)) yield found;
        else if (found.id > bytes) return;
      }
    }
  }

  #chunkOf(bytes: IdBytes): Chunk | undefined {
    const found: Entry<Buffer> | undefined = this.table.floor(keyOf(bytes));
    return found && { key: found.key, entries: decodeChunk(found.value) };
  }
}

/** Each entry: bytes shared with the id before, the rest, and the distance to the number before. */
export function encodeChunk(entries: readonly IdEntry[]): Uint8Array {
  const writer = new ByteWriter(INDEX_CHUNK_BYTES + 64);
  let before: IdEntry = { id: '', number: 0 };
  for (const entry of entries) {
    const shared = sharedLength(before.id, entry.id);
    const rest = Buffer.from(entry.id.slice(shared), 'latin1');
    writer.varint(shared).varint(rest.length).raw(rest);
    writer.zigzag(entry.number - before.number);
    before = entry;
  }
  return writer.finish();
}

export function decodeChunk(record: Uint8Array): IdEntry[] {
  const reader = new ByteReader(record);
  const entries: IdEntry[] = [];
  let before: IdEntry = { id: '', number: 0 };
  while (!reader.atEnd) {
    const shared = reader.varint();
    const rest = reader.raw(reader.varint());
    const id = before.id.slice(0, shared) + Buffer.from(rest).toString('latin1');
    before = { id, number: before.number + reader.zigzag() };
    entries.push(before);
  }
  return entries;
}

export function idBytes(id: string): IdBytes {
  return Buffer.from(id, 'utf8').toString('latin1');
}

export function idOfBytes(bytes: IdBytes): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The shortest beginning of `right` that sorts after `left`. */
function separator(left: IdBytes, right: IdBytes): IdBytes {
  return right.slice(0, sharedLength(left, right) + 1);
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function keyOf(bytes: IdBytes): Buffer {
  return Buffer.from(KEY_PREFIX + bytes, 'latin1');
}
