import type { SegmentHash } from '../../../model/index.js';
import type { OutsideReference, ReferenceOutcome } from '../../contract/change.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import { keyOf, type Place } from '../formats/ids.js';
import { countsOf } from './counts.js';
import type { Works } from './works.js';

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
/**
 * Adds references of outside holders, or removes them, item by item. A segment's holders are in one
 * partition, and its references are counted in all that have it.
 */
export async function changeHolders(
  works: Works,
  references: readonly OutsideReference[],
  sign: 1 | -1,
): Promise<ReferenceOutcome[]> {
  await works.fold();
  const running = await countedIn(works, new Set(references.map(({ hash }) => hash)));
  const changed = new Set<string>();
  const groups = works.vault.partitions.group(references, ({ hash }) => works.ofHash(hash).p);
  for (const [p, some] of groups) {
    const work = works.at(p);
    const placed = some.flatMap(({ hash, holder }) => {
      const place = work.segment(hash);
      return place ? [{ ...place, holder: Buffer.from(holder) }] : [];
    });
    const columns = [
      placed.map(({ k }) => k),
      placed.map(({ slot }) => slot),
      placed.map(({ holder }) => holder),
    ];
    const statement = sign > 0 ? insertHolders : deleteHolders;
    for (const row of await works.transaction.query(statement, [p, ...columns])) changed.add(nameOfRow(row));
  }
  return references.map(({ hash, holder }) => {
    const refCount = running.get(hash);
    if (refCount === undefined) return undefined;
    const work = works.ofHash(hash);
    const place = work.segment(hash);
    // The first of equal items is the one that made the change.
    const isChanged = place !== undefined && changed.delete(nameOf(place, Buffer.from(holder)));
    if (isChanged) work.delta.refer(place, sign);
    running.set(hash, refCount + (isChanged ? sign : 0));
    return { refCount: refCount + (isChanged ? sign : 0) };
  });
}

/** Returns the references of those of these segments that are stored anywhere. */
async function countedIn(
  { all }: Works,
  hashes: ReadonlySet<SegmentHash>,
): Promise<Map<SegmentHash, number>> {
  const counted = new Map<SegmentHash, number>();
  for (const work of all) {
    const here = [...hashes].flatMap((hash) => {
      const place = work.segment(hash);
      return place ? [{ hash, place }] : [];
    });
    const counts = await countsOf(
      work.transaction,
      work.p,
      here.map(({ place }) => place),
    );
    for (const { hash, place } of here) counted.set(hash, (counted.get(hash) ?? 0) + counts(place));
  }
  return counted;
}

function nameOf(place: Place, holder: Buffer): string {
  return `${keyOf(place)} ${holder.toString('hex')}`;
}

function nameOfRow(row: Row): string {
  return nameOf({ k: text(row['k']), slot: int(row['slot']) }, bytes(row['holder']));
}
