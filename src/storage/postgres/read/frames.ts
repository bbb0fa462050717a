import type { SegmentHash } from '../../../model/index.js';
import { segmentNotFound } from '../../../model/index.js';
import type { SegmentKey } from '../../contract/change.js';
import type { ScannedSegment, ScanQuery, SegmentScan } from '../../contract/queries.js';
import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import { countsOf } from '../commit/references.js';
import { bytes, type Row, type Statement, text } from '../database/driver.js';
import { keyOf, type PackId, type Place, placeOf } from '../formats/ids.js';
import { decodeDirectory, decodePack, frameAt, type PackedFrame } from '../formats/pack.js';

const readPacks: Statement = {
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

export async function countReferences(
  { database, p }: VaultParts,
  keys: readonly SegmentKey[],
): Promise<(number | undefined)[]> {
  const places = keys.map(placeOf);
  const asked = places.filter((place) => place !== undefined);
  return database.transact(async (transaction) => {
    await fold(transaction, p);
    const [counts, rows] = await Promise.all([
      countsOf(transaction, p, asked),
      transaction.query(readDirectories, [p, [...new Set(asked.map(({ k }) => k))]]),
    ]);
    const directories = new Map(rows.map(({ k, dir }) => [text(k), decodeDirectory(bytes(dir))]));
    return places.map((place) => {
      const entry = place && directories.get(place.k)?.[place.slot];
      return place && entry && entry.frameBytes > 0 ? Math.max(0, counts(place)) : undefined;
    });
  });
}

/** Scans packs in the order of their ids. */
export async function scanSegments(vault: VaultParts, query: ScanQuery): Promise<SegmentScan> {
  const segments: ScannedSegment[] = [];
  const after = query.after === undefined ? undefined : placeOf(query.after);
  let from: PackId = after?.k ?? '0';
  let skip = (after?.slot ?? -1) + 1;
  let total = 0;
  for (;;) {
    const rows = await vault.database.query(scanPacks, [vault.p, from, scannedAtOnce]);
    for (const row of rows) {
      const frames = framesOf(row);
      await vault.registries.learnOf(frames.map(({ frame }) => frame));
      const k = text(row['k']);
      for (let slot = k === after?.k ? skip : 0; slot < frames.length; slot++) {
        const frame = frameAt(frames, slot);
        if (!frame) continue;
        total += frame.length;
        const isFull = segments.length === query.limit || total > query.bytesMax;
        if (isFull && segments.length > 0) return { segments, next: segments.at(-1)!.key };
        segments.push({ key: keyOf({ k, slot }), tokenCount: frames[slot]!.tokenCount, frame });
      }
    }
    if (rows.length < scannedAtOnce) return { segments, next: undefined };
    from = String(BigInt(text(rows.at(-1)!['k'])) + 1n);
    skip = 0;
  }
}

async function packsOf({ database, p }: VaultParts, places: readonly Place[]) {
  const ids = [...new Set(places.map(({ k }) => k))];
  const packs = new Map<PackId, PackedFrame[]>();
  for (let at = 0; at < ids.length; at += packsAtOnce) {
    const rows = await database.query(readPacks, [p, ids.slice(at, at + packsAtOnce)]);
    for (const row of rows) packs.set(text(row['k']), framesOf(row));
  }
  return packs;
}

function framesOf(row: Row): PackedFrame[] {
  return decodePack({ dir: bytes(row['dir']), data: bytes(row['data']) });
}

function required(key: SegmentKey): Place {
  const place = placeOf(key);
  if (!place) throw segmentNotFound(key);
  return place;
}
