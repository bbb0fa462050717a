import type { PartitionState } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { Work } from '../commit/work.js';
import { fold } from '../commit/fold.js';
import type { Statement } from '../database/driver.js';
import { sweepLists, sweptAtOnce } from './bury.js';
import { readClock } from './condemn.js';

const tick: Statement = { name: 'house_tick', text: 'update totals set clock = $2 where p = $1' };
const condemnLists: Statement = {
  name: 'house_condemn',
  text: 'update gone set condemned = $2 where p = $1 and condemned is null',
};
const findGone: Statement = { name: 'gone_find', text: 'select 1 from gone where p = $1 limit 1' };

/**
 * Deletes the lists of a partition that nobody reads any more; those that went since are for a later time.
 */
export async function sweepPartition(vault: VaultParts, p: number): Promise<void> {
  while ((await sweepSome(vault, p)) === sweptAtOnce);
}

/** Resolves to whether lists of conversations that are gone are left, which somebody may still read. */
export async function hasGoneLists({ database, partitions }: VaultParts): Promise<boolean> {
  const found = await database.queries(partitions.all.map((p) => [findGone, [p]]));
  return found.some((rows) => rows.length > 0);
}

async function sweepSome(vault: VaultParts, p: number): Promise<number> {
  const { database, partitions, presence, clock } = vault;
  const clockMax = await presence.readersSaw();
  const { now, swept } = await database.transact(async (transaction) => {
    const now = (await readClock(transaction, partitions)) + 1;
    await fold(transaction, p);
    const work = new Work(transaction, vault, p, nothingFound, clock());
    const swept = await sweepLists(work, clockMax);
    transaction.send(condemnLists, [p, now]);
    transaction.send(tick, [partitions.first, now]);
    work.sendDelta();
    return { now, swept };
  });
  presence.sawClock(now);
  return swept;
}

const nothingFound: PartitionState = { segments: new Map(), registries: new Map(), labels: [] };
