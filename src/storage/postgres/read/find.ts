import { isSegmentHash, type SegmentHash } from '../../../model/index.js';
import type { FoundSegment, SegmentKey } from '../../contract/change.js';
import { findByHash, type FoundPlace, placesFrom } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { headOf, keyOf } from '../formats/ids.js';

export async function findSegments(
  { database, partitions, known }: VaultParts,
  hashes: readonly SegmentHash[],
): Promise<(FoundSegment | undefined)[]> {
  const asked = [...new Set(hashes)].filter(isSegmentHash);
  if (asked.length === 0) return hashes.map(() => undefined);
  const heads = asked.map(headOf);
  const answers = await database.queries(partitions.all.map((p) => [findByHash, [p, heads]]));
  // Any of the copies will do.
  const found = new Map(answers.flatMap((rows) => [...placesFrom(rows)]));
  known.note(found);
  return hashes.map((hash) => foundFrom(found.get(hash)));
}

/** Resolves to the keys of all copies of a segment, one in each partition that has it. */
export async function findCopies(
  { database, partitions }: VaultParts,
  hash: SegmentHash,
): Promise<SegmentKey[]> {
  if (!isSegmentHash(hash)) return [];
  const heads = [headOf(hash)];
  const answers = await database.queries(partitions.all.map((p) => [findByHash, [p, heads]]));
  return answers.flatMap((rows) =>
    [...placesFrom(rows)].flatMap(([each, place]) => (each === hash ? [keyOf(place)] : [])),
  );
}

export function foundFrom(place: FoundPlace | undefined): FoundSegment | undefined {
  return place && { key: keyOf(place), tokenCount: place.tokenCount };
}
