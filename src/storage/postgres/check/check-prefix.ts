import { wholeBlocks } from '../../contract/queries.js';
import { deleteChunks } from '../commit/prefixes.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { blocksUpTo, chunkFrom, groupAfter, groupOf, isWhole, type PrefixChunk } from '../formats/prefix.js';
import type { Add } from './findings.js';

const rowsAtOnce = 2_000;
const firstUuid = '00000000-0000-0000-0000-000000000000';

const scanChunks: Statement = {
  name: 'check_prefix',
  text: `select t.idh, t.n, t.g, t.blocks, c.id, c.app, c.toks from prefix t
    left join conv c on c.p = t.p and c.idh = t.idh where t.p = $1 and (t.idh, t.n) > ($2::uuid, $3::int4)
    order by t.idh, t.n limit ${rowsAtOnce}`,
};

/** Compares the prefix index of a partition with the conversations that it leads to. */
export async function checkPrefixes(transaction: Transaction, p: number, add: Add): Promise<void> {
  for await (const { id, detail } of faultsOf(transaction, p))
    add('prefix-index', id === undefined ? 'a conversation' : `conversation ${id}`, detail);
}

/** Removes what is wrong of the prefix index: it finds the conversations no more. */
export async function repairPrefixes(transaction: Transaction, p: number): Promise<void> {
  const wrong = new Set<string>();
  for await (const { idh } of faultsOf(transaction, p)) wrong.add(idh);
  if (wrong.size > 0) transaction.send(deleteChunks, [p, [...wrong]]);
}

interface Fault {
  readonly idh: string;
  readonly id: string | undefined;
  readonly detail: string;
}

async function* faultsOf(transaction: Transaction, p: number): AsyncGenerator<Fault, void, void> {
  let before: (PrefixChunk & { readonly idh: string }) | undefined;
  let place: [string, number] = [firstUuid, -1];
  for (;;) {
    const rows = await transaction.query(scanChunks, [p, ...place]);
    for (const row of rows) {
      const chunk = { ...chunkFrom(row), idh: text(row['idh']) };
      const detail = faultOf(row, chunk, before?.idh === chunk.idh ? before : undefined);
      if (detail !== undefined)
        yield { idh: chunk.idh, id: row['id'] ? bytes(row['id']).toString() : undefined, detail };
      before = chunk;
    }
    if (rows.length < rowsAtOnce || !before) return;
    place = [before.idh, before.n];
  }
}

function faultOf(row: Row, chunk: PrefixChunk, before: PrefixChunk | undefined): string | undefined {
  if (row['id'] === null) return 'the prefix index has blocks of one that is not there';
  if (chunk.n !== (before ? before.n + 1 : 0) || (before && !isWhole(before)))
    return 'blocks are missing in the prefix index';
  if (chunk.g !== (before ? groupAfter(before) : groupOf(bytes(row['app']).toString())))
    return 'the prefix index has it under another beginning';
  const most = wholeBlocks(int(row['toks']));
  const found = blocksUpTo(chunk);
  return found > most ? `the prefix index has ${found} blocks of it, and it has ${most}` : undefined;
}
