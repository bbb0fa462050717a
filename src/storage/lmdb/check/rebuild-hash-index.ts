import { baseOf, splitIndexChunk } from '../segments/hash-index.js';
import { decodeIndexChunk, encodeIndexChunk, FIRST_KEY, type IndexEntry } from '../segments/index-chunk.js';
import { recentEntries } from '../segments/recent-hashes.js';
import type { Tables } from '../tables/environment.js';
import { readable } from '../tables/readable.js';

/**
 * Makes the hash index anew of these entries, which frames gave, without any that came last. Of the frames in damaged
 * packs, which are `unproven`, only those are entered that were: what they are is not known from themselves.
 */
export function rebuildHashIndex(
  tables: Tables,
  entries: readonly IndexEntry[],
  unproven: ReadonlySet<number>,
): void {
  const before = indexed(tables);
  const known = new Set(before.flat().map(({ id }) => id));
  const named = keepNames(
    before,
    entries.filter(({ id }) => known.has(id) || !unproven.has(id)),
  );
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
    ...[...hashIndex.scan()].map(
      ({ key, value }) => (value && readable(() => decodeIndexChunk(baseOf(key), value))) ?? [],
    ),
    ...[...recentHashes.scan()].map(({ key, value }) => (value ? [...recentEntries(key, value)] : [])),
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
