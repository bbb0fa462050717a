import { StowkenError } from '../../../model/index.js';
import type { KeptTokenizer } from '../../contract/change.js';
import type { Part } from '../../shared/change-ops.js';
import { bytes, type Row, type Statement } from '../database/driver.js';
import type { Works } from './works.js';

const readTokenizer: Statement = {
  name: 'tokenizer_read',
  text: 'select sha256, packed from tokenizer where p = $1 and name = $2',
};
const insertTokenizer: Statement = {
  name: 'tokenizer_insert',
  text: 'insert into tokenizer (p, name, sha256, packed) values ($1, $2, $3, $4)',
};

/** Resolves to the vocabulary that is kept under a name, as far as `query` sees. */
export async function keptTokenizer(
  query: (statement: Statement, values: readonly [number, Buffer]) => Promise<readonly Row[]>,
  { partitions }: Works['vault'],
  name: string,
): Promise<KeptTokenizer | undefined> {
  const [row] = await query(readTokenizer, [partitions.first, Buffer.from(name)]);
  if (!row) return undefined;
  const sha256 = bytes(row['sha256']).toString('hex');
  return { sha256, packed: Uint8Array.from(bytes(row['packed'])) };
}

export function putTokenizer({ transaction, vault }: Works, tokenizer: Part<'putTokenizer'>): void {
  const { name, sha256, packed } = tokenizer;
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new StowkenError('INTERNAL', 'no SHA-256 in hex');
  const p = vault.partitions.first;
  transaction.send(insertTokenizer, [p, Buffer.from(name), Buffer.from(sha256, 'hex'), packed]);
}
