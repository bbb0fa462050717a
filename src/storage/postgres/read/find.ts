import { isSegmentHash, type SegmentHash } from '../../../model/index.js';
import type { FoundSegment } from '../../contract/change.js';
import { findByHash, type FoundPlace, placesFrom } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { headOf, keyOf } from '../formats/ids.js';

export async function findSegments(
  { database, p, known }: VaultParts,
  hashes: readonly SegmentHash[],
): Promise<(FoundSegment | undefined)[]> {
  const asked = [...new Set(hashes)].filter(isSegmentHash);
  if (asked.length === 0) return hashes.map(() => undefined);
  const found = placesFrom(await database.query(findByHash, [p, asked.map(headOf)]));
  known.note(found);
  return hashes.map((hash) => foundFrom(found.get(hash)));
}

export function foundFrom(place: FoundPlace | undefined): FoundSegment | undefined {
  return place && { key: keyOf(place), tokenCount: place.tokenCount };
}
