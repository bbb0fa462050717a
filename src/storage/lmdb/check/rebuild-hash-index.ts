import { baseOf, splitIndexChunk } from '../segments/hash-index.js';
import { decodeIndexChunk, encodeIndexChunk, FIRST_KEY, type IndexEntry } from '../segments/index-chunk.js';
import { recentEntries } from '../segments/recent-hashes.js';
import type { Tables } from '../tables/environment.js';
import { readable } from '../tables/readable.js';

/** Makes the hash index anew of these entries, which frames gave, without any that came last. */
export function rebuildHashIndex(tables: Tables, entries: readonly IndexEntry[]): void {
  const named = keepNames(indexed(tables), entries);
  tables.hashIndex.clear();
  tables.recentHashes.clear();
  named.sort((a, b) => a.fingerprint - b.fingerprint || a.id - b.id);
  if (named.length === 0) return;
  const chunk = encodeIndexChunk(baseOf(FIRST_KEY), named);
  for (const part of splitIndexChunk(FIRST_KEY, chunk)) tables.hashIndex.append(part.key, part.chunk);
}

/** What the index says, by chunk; nothing of those that cannot be read. */
function indexed({ hashIndex, recentHashes }: Tables): IndexEntry[][] {
  return [
    ...[...hashIndex.range()].map(
      ({ key, value }) => readable(() => decodeIndexChunk(baseOf(key), value)) ?? [],
    ),
    ...[...recentHashes.range()].map(({ key, value }) => [...recentEntries(key, value)]),
  ];
}

/**
 * A frame with other tokens than those it is indexed under is damaged, where the index is not: it keeps the
 * name that it had, or else its damage would pass for what was stored. An index that has each segment once is
 * taken as whole, and so is a chunk most of whose entries are right.
 */
function keepNames(chunks: readonly (readonly IndexEntry[])[], entries: readonly IndexEntry[]): IndexEntry[] {
  const computed = new Map(entries.map(({ id, fingerprint }) => [id, fingerprint]));
  const ids = chunks.flat().map(({ id }) => id);
  const distinct = new Set(ids);
  const whole = distinct.size === ids.length && entries.every(({ id }) => distinct.has(id));
  const names = new Map<number, number>();
  for (const chunk of chunks) {
    const wrong = chunk.filter(({ id, fingerprint }) => computed.get(id) !== fingerprint);
    if (!whole && wrong.length > chunk.length / 2) continue;
    for (const { id, fingerprint } of wrong) names.set(id, fingerprint);
  }
  for (const { id, fingerprint } of chunks.flat()) if (computed.get(id) === fingerprint) names.delete(id);
  return entries.map(({ id, fingerprint }) => ({ id, fingerprint: names.get(id) ?? fingerprint }));
}
