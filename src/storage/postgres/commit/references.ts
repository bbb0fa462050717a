import type { SegmentHash } from '../../../model/index.js';
import type { OutsideReference, ReferenceOutcome } from '../../contract/change.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { keyOf, type Place } from '../formats/ids.js';
import type { Work } from './work.js';

const insertHolders: Statement = {
  name: 'holders_insert',
  text: `insert into holder (p, k, slot, holder) select $1::int, u.k, u.slot, u.holder
    from unnest($2::int8[], $3::int4[], $4::bytea[]) u(k, slot, holder) order by u.k, u.slot, u.holder
    on conflict do nothing returning k, slot, holder`,
};
const deleteHolders: Statement = {
  name: 'holders_delete',
  text: `delete from holder using unnest($2::int8[], $3::int4[], $4::bytea[]) u(k, slot, holder)
    where holder.p = $1 and holder.k = u.k and holder.slot = u.slot and holder.holder = u.holder
    returning holder.k, holder.slot, holder.holder`,
};
const readCounts: Statement = {
  name: 'counts_read',
  text: `select f.k, f.slot, f.n from unnest($2::int8[], $3::int4[]) u(k, slot)
    join ref f on f.p = $1 and f.k = u.k and f.slot = u.slot`,
};

/** Returns the references of these segments, which are stored; to be called after a fold. */
export async function countsOf(
  transaction: Transaction,
  p: number,
  places: readonly Place[],
): Promise<(place: Place) => number> {
  const rows =
    places.length === 0
      ? []
      : await transaction.query(readCounts, [p, places.map(({ k }) => k), places.map(({ slot }) => slot)]);
  const counts = new Map(rows.map(({ k, slot, n }) => [`${text(k)}/${int(slot)}`, int(n)]));
  // A segment without a row has the one holder that it was stored with.
  return (place) => counts.get(keyOf(place) as string) ?? 1;
}

/** Adds references of outside holders, or removes them, item by item. */
export async function changeHolders(
  work: Work,
  references: readonly OutsideReference[],
  sign: 1 | -1,
): Promise<ReferenceOutcome[]> {
  await work.fold();
  const placed = references.flatMap(({ hash, holder }) => {
    const place = work.segment(hash);
    return place ? [{ ...place, holder: Buffer.from(holder) }] : [];
  });
  const columns = [
    placed.map(({ k }) => k),
    placed.map(({ slot }) => slot),
    placed.map(({ holder }) => holder),
  ];
  const counts = await countsOf(work.transaction, work.p, placed);
  const rows = await work.transaction.query(sign > 0 ? insertHolders : deleteHolders, [work.p, ...columns]);
  const changed = new Set(rows.map(nameOfRow));
  const running = new Map<SegmentHash, number>();
  return references.map(({ hash, holder }) => {
    const place = work.segment(hash);
    if (!place) return undefined;
    let refCount = running.get(hash) ?? counts(place);
    // The first of equal items is the one that made the change.
    if (changed.delete(nameOf(place, Buffer.from(holder)))) {
      refCount += sign;
      work.delta.refer(place, sign);
    }
    running.set(hash, refCount);
    return { refCount };
  });
}

function nameOf(place: Place, holder: Buffer): string {
  return `${keyOf(place)} ${holder.toString('hex')}`;
}

function nameOfRow(row: Row): string {
  return nameOf({ k: text(row['k']), slot: int(row['slot']) }, bytes(row['holder']));
}
