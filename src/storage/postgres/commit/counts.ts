import { int, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { keyOf, type Place } from '../formats/ids.js';

const readCounts: Statement = {
  name: 'counts_read',
  text: `select f.k, f.slot, f.n from unnest($2::int8[], $3::int4[]) u(k, slot)
    join ref f on f.k = u.k and f.slot = u.slot where f.p = $1`,
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
