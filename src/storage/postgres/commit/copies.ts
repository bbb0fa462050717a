import { frameRegistryId } from '../../../codec/index.js';
import { isSegmentHash, type SegmentHash } from '../../../model/index.js';
import type { NewSegment } from '../../contract/change.js';
import { text } from '../database/driver.js';
import { MetOthers } from '../database/failures.js';
import type { Transaction } from '../database/transaction.js';
import { headOf, keyOf, type PackId, type Place } from '../formats/ids.js';
import { frameAt, type PackedFrame } from '../formats/pack.js';
import { framesOf, readPacks } from '../read/frames.js';
import { findByHash, type FoundPlace, type PartitionState, placesFrom } from './lookup.js';
import type { VaultParts } from './parts.js';
import type { Work } from './work.js';

/**
 * Returns the frames of segments that a partition lacks and others have. Those that none has are left out. A
 * segment is stored once in each partition whose conversations name it.
 */
export async function copiesFrom(
  { transaction, vault: { partitions }, p, state }: Work,
  missing: readonly SegmentHash[],
): Promise<NewSegment[]> {
  const heads = missing.filter(isSegmentHash).map(headOf);
  const others = partitions.all.filter((other) => other !== p);
  const answers = await Promise.all(others.map((other) => transaction.query(findByHash, [other, heads])));
  const found = new Map<SegmentHash, FoundPlace[]>();
  for (const rows of answers)
    for (const [hash, place] of placesFrom(rows)) found.set(hash, [...(found.get(hash) ?? []), place]);
  const copies: NewSegment[] = [];
  // A collector may have deleted a copy since it was found: then another one will do, if there is one.
  for (let left = missing; left.length > 0;) {
    const tried = left.flatMap((hash) => {
      const place = found.get(hash)?.shift();
      return place ? [{ hash, place }] : [];
    });
    const named = new Set(tried.map(({ place }) => place.k));
    const groups = partitions.group(named, (k) => partitions.ofPack(k));
    const packs = await packsOf(transaction, groups);
    left = [];
    for (const { hash, place } of tried) {
      const frame = frameAt(packs.get(place.k) ?? [], place.slot);
      if (frame) copies.push(copied(hash, place, frame, state));
      else left = [...left, hash];
    }
  }
  return copies;
}

function copied(
  hash: SegmentHash,
  { tokenCount }: FoundPlace,
  frame: Uint8Array,
  { registries }: PartitionState,
): NewSegment {
  const registry = frameRegistryId(frame);
  // The registry is about to go: whoever drops it replaces this frame, or keeps the registry.
  if (registry !== undefined && registries.get(registry) !== false) throw new MetOthers();
  return { hash, tokenCount, frame };
}

/** Returns the hashes of segments, by their keys. */
export async function hashesAt(
  transaction: Transaction,
  { partitions, registries, codec }: VaultParts,
  places: readonly Place[],
): Promise<Map<string, SegmentHash>> {
  const named = new Set(places.map(({ k }) => k));
  const packs = await packsOf(
    transaction,
    partitions.group(named, (k) => partitions.ofPack(k)),
  );
  const frames = new Map(
    places.map((place) => [keyOf(place) as string, frameAt(packs.get(place.k) ?? [], place.slot)] as const),
  );
  const stored = [...frames].flatMap(([key, frame]) => (frame ? [{ key, frame }] : []));
  await registries.learnOf(
    stored.map(({ frame }) => frame),
    transaction,
  );
  return new Map(stored.map(({ key, frame }) => [key, codec.hashOf(frame)]));
}

async function packsOf(
  transaction: Transaction,
  groups: ReadonlyMap<number, readonly PackId[]>,
): Promise<Map<PackId, PackedFrame[]>> {
  const read = [...groups].map(([p, ks]) => transaction.query(readPacks, [p, ks]));
  const rows = (await Promise.all(read)).flat();
  return new Map(rows.map((row) => [text(row['k']), framesOf(row)]));
}
