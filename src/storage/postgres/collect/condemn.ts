import { setTimeout as sleep } from 'node:timers/promises';
import { isSegmentHash } from '../../../model/index.js';
import type { Change, SegmentKey } from '../../contract/change.js';
import type { VaultParts } from '../commit/parts.js';
import { findByHash, placesFrom } from '../commit/lookup.js';
import { fold, lockTotals } from '../commit/fold.js';
import type { Database } from '../database/database.js';
import { int, type Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { headOf, type Place, placeOf } from '../formats/ids.js';
import type { Partitions } from '../partitions.js';
import { gateNumber } from '../schema/kinds.js';
import { isGarbage } from '../schema/garbage.js';

export const tick: Statement = { name: 'clock_tick', text: 'update totals set clock = $2 where p = $1' };
export const condemnSegments: Statement = {
  name: 'segments_condemn',
  text: `update ref set condemned = $2 from unnest($3::int8[], $4::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and ${isGarbage} and condemned is null
    and since <= $5`,
};
const condemnLists: Statement = {
  name: 'lists_condemn',
  text: 'update gone set condemned = $2 where p = $1 and condemned is null',
};
const condemnRegistries: Statement = {
  name: 'registries_condemn',
  text: 'update registry set dropping = $2 where p = $1 and id = any($3::int4[])',
};
export const lockGate: Statement = {
  name: 'gate_lock',
  text: `select ${gateNumber} from gate where p = $1 order by ${gateNumber} for update`,
};
/**
 * Time for which a barrier keeps changes waiting. It begins again then, as after other conflicts: a server
 * that hangs in a change holds a gate, and those before it would be closed to all.
 */
const limitLocks: Statement = { name: 'gate_patience', text: `set local lock_timeout = 3000` };
/** Notes the tick of a barrier; of two that pass at the same time the later one stays. */
export const passGate: Statement = {
  name: 'gate_pass',
  text: 'update gate set ep = (case when ep < $2 then $2 else ep end) where p = $1',
};

/** Time after which garbage "since" is later than any. */
const endOfTimeMs = 9e15;
/** Time for which other servers are given to tell that they have no old readers. */
const othersMs = 3_000;

/**
 * Two of the three steps by which something is deleted; bury.ts is the third.
 *
 * 1. Condemn: garbage, and else that is to go, is marked, in one transaction that also ticks the vault's
 *    clock.
 * 2. Barrier: each row of the gate is locked once. Every change that names segments has held one since before
 *    it looked for them. So either it is over by now, and a fold sees its counts, or it looks for its
 *    segments after this, and sees that they are condemned: then it revives them, or brings them once more.
 * 3. Bury: after a fold of all that is visible, what is still condemned, by this tick or one before, and
 *    still without references, is deleted.
 *
 * The barrier also notes the tick in each row of the gate. A change that holds one with the clock under which
 * an earlier change of its process looked for a segment knows that no barrier came between: ticks rise with
 * the transactions that condemn, so that what is condemned after a look has a later one.
 *
 * A reader's lease has the clock of its beginning at most: what was condemned by a later tick may be read by
 * it. Whoever opens a conversation at a tick's time or after it finds no manifest that named what that tick
 * condemned. No clock of a machine takes part. A collector that dies leaves condemned rows, which the next
 * one buries after a barrier of its own.
 *
 * Resolves to the clock; everything condemned until then has passed a barrier.
 */
export async function condemn(
  vault: VaultParts,
  change: Pick<Change, 'collect' | 'deleteSegments' | 'dropRegistries'>,
): Promise<number> {
  const { database, partitions, presence } = vault;
  const concerned = partitionsOf(partitions, change);
  const clock = await database.transact(async (transaction) => {
    const now = (await readClock(transaction, partitions)) + 1;
    for (const p of concerned) await condemnIn(transaction, partitions, p, now, change);
    transaction.send(tick, [partitions.first, now]);
    return now;
  });
  presence.sawClock(clock);
  for (const p of concerned) await passGates(database, p, clock);
  await presence.untilOthersSaw(clock, othersMs, (ms) => sleep(ms));
  return clock;
}

/**
 * Waits until every change that holds a gate of a partition now is over. `clock`: the tick of what was
 * condemned before, if anything was.
 */
export async function passGates(database: Database, p: number, clock = 0): Promise<void> {
  await database.transact(async (transaction) => {
    transaction.send(limitLocks);
    await transaction.query(lockGate, [p]);
    transaction.send(passGate, [p, clock]);
  });
}

/** Locks the clock of a vault, and resolves to it. All that tick wait for each other. */
export async function readClock(transaction: Transaction, { first }: Partitions): Promise<number> {
  const [row] = await transaction.query(lockTotals, [first]);
  return int(row?.['clock'] ?? 0);
}

async function condemnIn(
  transaction: Transaction,
  partitions: Partitions,
  p: number,
  now: number,
  { collect, deleteSegments = [], dropRegistries = [] }: Parameters<typeof condemn>[1],
): Promise<void> {
  const heads = deleteSegments.filter(isSegmentHash).map(headOf);
  const found = heads.length === 0 ? [] : await transaction.query(findByHash, [p, heads]);
  await fold(transaction, p);
  const mark = (places: readonly Place[], beforeMs: number) => {
    const columns = [places.map(({ k }) => k), places.map(({ slot }) => slot)];
    if (places.length > 0) transaction.send(condemnSegments, [p, now, ...columns, beforeMs]);
  };
  mark([...placesFrom(found).values()], endOfTimeMs);
  if (collect) {
    const own = placesOf(collect.keys).filter(({ k }) => partitions.ofPack(k) === p);
    mark(own, Math.min(collect.garbageBeforeMs, endOfTimeMs));
  }
  transaction.send(condemnLists, [p, now]);
  if (dropRegistries.length > 0) transaction.send(condemnRegistries, [p, now, dropRegistries]);
}

/** Returns the partitions in which something is to go. */
function partitionsOf(
  partitions: Partitions,
  { collect, deleteSegments, dropRegistries }: Parameters<typeof condemn>[1],
): readonly number[] {
  if (deleteSegments ?? dropRegistries) return partitions.all;
  const named = partitions.group(placesOf(collect?.keys ?? []), ({ k }) => partitions.ofPack(k));
  return named.size > 0 ? [...named.keys()] : [partitions.first];
}

export function placesOf(keys: readonly SegmentKey[]): Place[] {
  return keys.map(placeOf).filter((place) => place !== undefined);
}
