import { bytes, int, type Row, type Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { insertKinds } from '../commit/kinds.js';
import { nameOfKind } from '../formats/kind.js';
import type { Add } from './findings.js';

const readKinds: Statement = {
  name: 'check_kinds',
  text: 'select kind, app, model, tok from kind where p = $1',
};
const readNamed: Statement = {
  name: 'repair_kinds',
  text: 'select distinct kind, app, model, tok from conv where p = $1',
};

/** Kinds of a partition, compared with the conversations that lists find by them. */
export class CheckedKinds {
  private constructor(
    private readonly names: ReadonlySet<string>,
    private readonly add: Add,
  ) {}

  static async begin(transaction: Transaction, p: number, add: Add): Promise<CheckedKinds> {
    return new CheckedKinds(new Set((await transaction.query(readKinds, [p])).map(nameOf)), add);
  }

  /** Checks the row of a conversation. */
  check(row: Row): void {
    if (this.names.has(nameOf(row))) return;
    this.add('list-index', `conversation ${bytes(row['id']).toString()}`, 'its kind is missing');
  }
}

/** Adds the kinds that are missing. */
export async function repairKinds(transaction: Transaction, p: number): Promise<void> {
  const rows = await transaction.query(readNamed, [p]);
  const [kinds, apps, models, toks] = ['kind', 'app', 'model', 'tok'].map((column) =>
    rows.map((row) => row[column]),
  );
  transaction.send(insertKinds, [
    ...[p, (kinds ?? []).map(int)],
    ...[apps, models, toks].map((column) => (column ?? []).map(bytes)),
  ]);
}

function nameOf(row: Row): string {
  const [application = '', model = '', tokenizer = ''] = ['app', 'model', 'tok'].map((column) =>
    bytes(row[column]).toString(),
  );
  return nameOfKind(int(row['kind']), { application, model, tokenizer });
}
