import type { ReferencePage, ReferencePosition, ReferenceQuery } from '../../contract/queries.js';
import type { VaultParts } from '../commit/parts.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import { keyOf } from '../formats/ids.js';
import { readHashes } from './frames.js';

const listHolders: Statement = {
  name: 'holders_list',
  text: `select k, slot, holder from holder where p = $1 and (k, slot, holder) > ($2::int8, $3::int4, $4::bytea)
    order by k, slot, holder limit $5`,
};

/** Lists the references of outside holders, in the order of partitions and of the segments' places. */
export async function listReferences(
  vault: VaultParts,
  { limit, after }: ReferenceQuery,
): Promise<ReferencePage> {
  const [k = '0', slot = '0', holder = ''] = after?.split('/') ?? [];
  const { partitions, database } = vault;
  const first = after === undefined ? partitions.first : partitions.ofPack(k);
  const rows: Row[] = [];
  for (const p of partitions.all.filter((each) => each >= first)) {
    const from = p === first ? [k, Number(slot), Buffer.from(holder, 'hex')] : ['0', 0, Buffer.alloc(0)];
    rows.push(...(await database.query(listHolders, [p, ...from, limit - rows.length])));
    if (rows.length === limit) break;
  }
  const page = rows.map((row) => ({
    k: text(row['k']),
    slot: int(row['slot']),
    holder: bytes(row['holder']),
  }));
  const hashes = await readHashes(vault, page.map(keyOf));
  const last = page.length === limit ? page.at(-1) : undefined;
  return {
    references: page.map((each, at) => ({ hash: hashes[at]!, holder: each.holder.toString() })),
    next: last && (`${last.k}/${last.slot}/${last.holder.toString('hex')}` as ReferencePosition),
  };
}
