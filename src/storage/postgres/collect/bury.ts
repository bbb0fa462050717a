import { frameRegistryId, undefinedIfCorruptFrame } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import { removeHashes } from '../commit/hashes.js';
import type { Work } from '../commit/work.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import { compareIds, keyOf, type PackId, type Place } from '../formats/ids.js';
import { decodeDirectory, decodePack, encodePack, type PackedFrame } from '../formats/pack.js';
import { isGarbage } from '../schema/garbage.js';

export const lockCondemned: Statement = {
  name: 'condemned_lock',
  text: `select f.k, f.slot from unnest($2::int8[], $3::int4[]) u(k, slot)
    join ref f on f.k = u.k and f.slot = u.slot
    where f.p = $1 and ${isGarbage} and condemned <= $4 and since <= $5 order by f.k, f.slot for update of f`,
};
export const lockPacks: Statement = {
  name: 'packs_lock',
  text: `select k, c, dir, data from part where p = $1 and k = any($2::int8[]) order by k for update`,
};
export const updatePack: Statement = {
  name: 'pack_update',
  text: 'update part set dir = $3, data = $4 where p = $1 and k = $2',
};
const deleteParts: Statement = {
  name: 'parts_delete',
  text: 'delete from part where p = $1 and k = any($2::int8[])',
};
export const deleteCounts: Statement = {
  name: 'counts_delete',
  text: `delete from ref using unnest($2::int8[], $3::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot`,
};
/** Most lists that one transaction deletes. */
export const sweptAtOnce = 500;

const lockGone: Statement = {
  name: 'gone_lock',
  text: `select k from gone where p = $1 and condemned <= $2 order by k limit ${sweptAtOnce} for update`,
};
export const readGoneParts: Statement = {
  name: 'gone_parts',
  text: `select k, dir, octet_length(list) size from part where p = $1 and k = any($2::int8[]) and c = k
    union all
    select k, dir, octet_length(list) size from part where p = $1 and c = any($2::int8[]) and n > 0`,
};
const blankLists: Statement = {
  name: 'lists_blank',
  text: `update part set c = 0, n = 0, m0 = 0, msgs = 0, t0 = 0, toks = 0, packs = null, list = ''
    where p = $1 and k = any($2::int8[])`,
};
const deleteGone: Statement = {
  name: 'gone_delete',
  text: 'delete from gone where p = $1 and k = any($2::int8[])',
};

export interface Buried {
  readonly places: ReadonlySet<string>;
  readonly frameBytes: number;
}

/**
 * Deletes those of these segments that were condemned before the barrier, are garbage still, and that no
 * reader may have. To be called after a fold. See condemn.ts for why nothing is lost.
 */
export async function bury(
  work: Work,
  places: readonly Place[],
  garbageBeforeMs: number,
  clockMax: number,
): Promise<Buried> {
  const { transaction, p, vault } = work;
  const columns = [places.map(({ k }) => k), places.map(({ slot }) => slot)];
  const beforeMs = Math.min(garbageBeforeMs, 9e15);
  const locked = await transaction.query(lockCondemned, [p, ...columns, clockMax, beforeMs]);
  const dead = new Map<PackId, Set<number>>();
  for (const row of locked) {
    const k = text(row['k']);
    dead.set(k, (dead.get(k) ?? new Set<number>()).add(int(row['slot'])));
  }
  const packs = dead.size === 0 ? [] : await transaction.query(lockPacks, [p, [...dead.keys()]]);
  await vault.registries.learnOf(
    packs.flatMap((row) => framesOf(row).map(({ frame }) => frame)),
    transaction,
  );
  const gone: (Place & { readonly hash: SegmentHash })[] = [];
  const emptied: PackId[] = [];
  let frameBytes = 0;
  for (const row of packs) {
    const k = text(row['k']);
    const frames = framesOf(row);
    for (const slot of dead.get(k)!) {
      const { frame, tokenCount } = frames[slot] ?? { frame: new Uint8Array(0), tokenCount: 0 };
      // A frame that does not decode is left for verify to report.
      const hash = frame.length === 0 ? undefined : undefinedIfCorruptFrame(() => vault.codec.hashOf(frame));
      if (hash === undefined) continue;
      gone.push({ k, slot, hash });
      frameBytes += frame.length;
      work.delta.countFrame(frameRegistryId(frame), tokenCount, frame.length, -1);
      frames[slot] = { tokenCount: 0, frame: new Uint8Array(0) };
    }
    if (text(row['c']) === '0' && frames.every(({ frame }) => frame.length === 0)) emptied.push(k);
    else transaction.send(updatePack, [p, k, ...columnsOf(frames)]);
  }
  if (emptied.length > 0) transaction.send(deleteParts, [p, emptied]);
  if (gone.length > 0) {
    const placed = [gone.map(({ k }) => k), gone.map(({ slot }) => slot)];
    await removeHashes(transaction, p, gone);
    transaction.send(deleteCounts, [p, ...placed]);
    for (const { hash } of gone) vault.known.forget(hash);
  }
  return { places: new Set(gone.map((place) => keyOf(place) as string)), frameBytes };
}

/** Deletes the lists of conversations that are gone, and that no reader may have. */
export async function sweepLists(work: Work, clockMax: number): Promise<number> {
  const { transaction, p } = work;
  const lists = (await transaction.query(lockGone, [p, clockMax])).map(({ k }) => text(k));
  if (lists.length === 0) return 0;
  const parts = await transaction.query(readGoneParts, [p, lists]);
  const isEmpty = (row: Row) =>
    decodeDirectory(bytes(row['dir'])).every(({ frameBytes }) => frameBytes === 0);
  const ids = (rows: readonly Row[]) => rows.map(({ k }) => text(k)).sort(compareIds);
  transaction.send(deleteParts, [p, ids(parts.filter(isEmpty))]);
  transaction.send(blankLists, [p, ids(parts.filter((row) => !isEmpty(row)))]);
  transaction.send(deleteGone, [p, lists]);
  for (const row of parts) work.delta.figures.lists -= int(row['size']);
  return lists.length;
}

function framesOf(row: Row): PackedFrame[] {
  return decodePack({ dir: bytes(row['dir']), data: bytes(row['data']) });
}

function columnsOf(frames: readonly PackedFrame[]): [Uint8Array, Uint8Array] {
  const { dir, data } = encodePack(frames);
  return [dir, data];
}
