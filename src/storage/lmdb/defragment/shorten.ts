import type { BackgroundTurns } from '../../shared/background.js';
import { decodePostings, encodePostings } from '../lists/posting-chunk.js';
import { decodePlaces, encodeDensePlaces, isDensePlaces } from '../radix/places.js';
import { decodeCounts, encodeCounts } from '../segments/count-chunk.js';
import { decodeBoundedChunk, encodeBoundedChunk } from '../tables/bounded-chunk.js';
import type { Tables } from '../tables/environment.js';
import { COUNTS_PER_CHUNK } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** Records that are looked at, or written in a transaction, before others have a turn. */
const SLICE = 256;

/** Runs one write transaction. */
type Write = <T>(action: () => T) => Promise<T>;
/** Returns another form of a record that says the same; undefined if it has that form already. */
type Shorter<K> = (key: K, record: Uint8Array) => Uint8Array | undefined;

/**
 * Writes records in a shorter form, where an earlier format or a store left them longer than they need be.
 * The content of each record stays the same.
 */
export async function shortenRecords(tables: Tables, write: Write, turns: BackgroundTurns): Promise<void> {
  for (const counts of [tables.refCounts, tables.blockCounts])
    await shorten(counts, shorterCounts, write, turns);
  await shorten(tables.postings, shorterPostings, write, turns);
  await shorten(tables.conversationNodes, shorterPlaces, write, turns);
}

async function shorten<K extends number | Buffer>(
  table: Table<K>,
  shorter: Shorter<K>,
  write: Write,
  turns: BackgroundTurns,
): Promise<void> {
  for (let after: K | undefined; ;) {
    const from: K | undefined = after;
    const keys: K[] = [];
    for (const { key, value } of table.scan({
      ...(from !== undefined && { start: from }),
      limit: SLICE + 1,
    })) {
      after = key;
      if (value && isShorter(shorter(key, value), value)) keys.push(key);
    }
    if (keys.length > 0) await write(() => rewrite(table, shorter, keys));
    if (after === undefined || isSame(after, from)) return;
    await turns.pause();
  }
}

/** Others may have changed them since they were looked at. */
function rewrite<K extends number | Buffer>(table: Table<K>, shorter: Shorter<K>, keys: readonly K[]): void {
  for (const key of keys) {
    const record = table.get(key);
    const other = record && shorter(key, record);
    if (record && isShorter(other, record)) table.put(key, other);
  }
}

function isShorter(other: Uint8Array | undefined, record: Uint8Array): other is Uint8Array {
  return other !== undefined && other.length < record.length;
}

function isSame(a: number | Buffer, b: number | Buffer | undefined): boolean {
  return typeof a === 'number' || typeof b !== 'object' ? a === b : a.equals(b);
}

function shorterCounts(_key: number, record: Uint8Array): Uint8Array | undefined {
  const counts = record.length === COUNTS_PER_CHUNK ? decodeCounts(record) : undefined;
  return counts && encodeCounts(counts);
}

function shorterPostings(key: Buffer, record: Uint8Array): Uint8Array {
  const { end, entries } = decodeBoundedChunk(key, record);
  return encodeBoundedChunk(key, { end, entries: encodePostings(decodePostings(entries)) });
}

function shorterPlaces(_key: number, record: Uint8Array): Uint8Array | undefined {
  return isDensePlaces(record) ? undefined : encodeDensePlaces(decodePlaces(record));
}
