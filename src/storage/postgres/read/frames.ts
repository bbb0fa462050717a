import type { SegmentHash } from '../../../model/index.js';
import { segmentNotFound } from '../../../model/index.js';
import type { SegmentKey } from '../../contract/change.js';
import type { ScannedSegment, ScanQuery, SegmentScan } from '../../contract/queries.js';
import { fold } from '../commit/fold.js';
import { findByHash, placesFrom } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { countsOf } from '../commit/counts.js';
import { bytes, type Row, type Statement, text, type Value } from '../database/driver.js';
import { headOf, keyOf, type PackId, type Place, placeOf } from '../formats/ids.js';
import { decodeDirectory, decodePack, frameAt, type PackedFrame } from '../formats/pack.js';

export const readPacks: Statement = {
  name: 'packs_read',
  text: 'select k, dir, data from part where p = $1 and k = any($2::int8[])',
};
const readDirectories: Statement = {
  name: 'directories_read',
  text: 'select k, dir from part where p = $1 and k = any($2::int8[])',
};
const scanPacks: Statement = {
  name: 'packs_scan',
  text: 'select k, dir, data from part where p = $1 and k >= $2 order by k limit $3',
};

/** Packs that are asked for at once, and read at once by a scan. */
const [packsAtOnce, scannedAtOnce] = [256, 32] as const;

/** Resolves to the frames of these segments; each belongs to the caller. */
export async function readFrames(vault: VaultParts, keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
  const places = keys.map((key) => required(key));
  for (;;) {
    const packs = await packsOf(vault, places);
    const frames = places.map(({ k, slot }, at) => {
      const frame = frameAt(packs.get(k) ?? [], slot);
      if (!frame) throw segmentNotFound(keys[at]!);
      return frame;
    });
    // Frames of a registry that is gone were replaced meanwhile: they are read once more.
    if (await vault.registries.learnOf(frames)) return frames;
  }
}

export async function readHashes(vault: VaultParts, keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
  return (await readFrames(vault, keys)).map((frame) => vault.codec.hashOf(frame));
}

/** Counts the references of segments, in all partitions that have them. */
export async function countReferences(
  vault: VaultParts,
  keys: readonly SegmentKey[],
): Promise<(number | undefined)[]> {
  const { database, partitions } = vault;
  const places = keys.map(placeOf);
  const asked = places.filter((place) => place !== undefined);
  const copies = partitions.count === 1 ? undefined : await copiesOf(vault, asked);
  const all = copies ? [...copies.values()].flat() : asked;
  const groups = partitions.group(all, ({ k }) => partitions.ofPack(k));
  const counted = new Map<SegmentKey, number>();
  await database.transact(async (transaction) => {
    for (const [p, some] of groups) {
      await fold(transaction, p);
      const [counts, rows] = await Promise.all([
        countsOf(transaction, p, some),
        transaction.query(readDirectories, [p, [...new Set(some.map(({ k }) => k))]]),
      ]);
      const directories = new Map(rows.map(({ k, dir }) => [text(k), decodeDirectory(bytes(dir))]));
      for (const place of some) {
        const entry = directories.get(place.k)?.[place.slot];
        if (entry && entry.frameBytes > 0) counted.set(keyOf(place), Math.max(0, counts(place)));
      }
    }
  });
  return places.map((place) => {
    if (!place || !counted.has(keyOf(place))) return undefined;
    const alike = copies?.get(keyOf(place)) ?? [place];
    return alike.reduce((sum, each) => sum + (counted.get(keyOf(each)) ?? 0), 0);
  });
}

/** Resolves to all places of the same content, for each place that has some. */
async function copiesOf(
  vault: VaultParts,
  places: readonly Place[],
): Promise<Map<SegmentKey, readonly Place[]>> {
  const { database, partitions } = vault;
  const packs = await packsOf(vault, places);
  const hashes = new Map<SegmentKey, SegmentHash>();
  for (const place of places) {
    const frame = frameAt(packs.get(place.k) ?? [], place.slot);
    if (!frame) continue;
    await vault.registries.learnOf([frame]);
    hashes.set(keyOf(place), vault.codec.hashOf(frame));
  }
  const heads = [...new Set(hashes.values())].map(headOf);
  const answers = await database.queries(partitions.all.map((p) => [findByHash, [p, heads]]));
  const found = new Map<SegmentHash, Place[]>();
  for (const rows of answers)
    for (const [hash, { k, slot }] of placesFrom(rows))
      found.set(hash, [...(found.get(hash) ?? []), { k, slot }]);
  return new Map([...hashes].map(([key, hash]) => [key, found.get(hash) ?? []]));
}

/** Scans packs in the order of their partitions and ids. */
export async function scanSegments(vault: VaultParts, query: ScanQuery): Promise<SegmentScan> {
  const { partitions } = vault;
  const segments: ScannedSegment[] = [];
  const after = query.after === undefined ? undefined : placeOf(query.after);
  const first = after ? partitions.ofPack(after.k) : partitions.first;
  let total = 0;
  for (const p of partitions.all.filter((each) => each >= first)) {
    for await (const { key, tokenCount, frame } of segmentsOf(vault, p, p === first ? after : undefined)) {
      total += frame.length;
      const isFull = segments.length === query.limit || total > query.bytesMax;
      if (isFull && segments.length > 0) return { segments, next: segments.at(-1)!.key };
      segments.push({ key, tokenCount, frame });
    }
  }
  return { segments, next: undefined };
}

/** Yields the segments of a partition after a place. */
async function* segmentsOf(
  vault: VaultParts,
  p: number,
  after: Place | undefined,
): AsyncGenerator<ScannedSegment, void, void> {
  let from: PackId = after?.k ?? '0';
  for (;;) {
    const rows = await vault.database.query(scanPacks, [p, from, scannedAtOnce]);
    for (const row of rows) {
      const frames = framesOf(row);
      await vault.registries.learnOf(frames.map(({ frame }) => frame));
      const k = text(row['k']);
      for (let slot = k === after?.k ? after.slot + 1 : 0; slot < frames.length; slot++) {
        const frame = frameAt(frames, slot);
        if (frame) yield { key: keyOf({ k, slot }), tokenCount: frames[slot]!.tokenCount, frame };
      }
    }
    if (rows.length < scannedAtOnce) return;
    from = String(BigInt(text(rows.at(-1)!['k'])) + 1n);
  }
}

async function packsOf({ database, partitions }: VaultParts, places: readonly Place[]) {
  const groups = partitions.group(new Set(places.map(({ k }) => k)), (k) => partitions.ofPack(k));
  const asked: [Statement, Value[]][] = [];
  for (const [p, ids] of groups)
    for (let at = 0; at < ids.length; at += packsAtOnce)
      asked.push([readPacks, [p, ids.slice(at, at + packsAtOnce)]]);
  const packs = new Map<PackId, PackedFrame[]>();
  for (let at = 0; at < asked.length; at += partitions.count)
    for (const row of (await database.queries(asked.slice(at, at + partitions.count))).flat())
      packs.set(text(row['k']), framesOf(row));
  return packs;
}

export function framesOf(row: Row): PackedFrame[] {
  return decodePack({ dir: bytes(row['dir']), data: bytes(row['data']) });
}

function required(key: SegmentKey): Place {
  const place = placeOf(key);
  if (!place) throw segmentNotFound(key);
  return place;
}
