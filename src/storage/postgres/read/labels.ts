import { lockTotals } from '../commit/fold.js';
import { readLabels } from '../commit/lookup.js';
import type { Database } from '../database/database.js';
import type { Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import type { IdSource } from '../formats/ids.js';
import { type Label, labelFrom } from '../formats/labels.js';
import type { Partitions } from '../partitions.js';

const dropLabels: Statement = {
  name: 'labels_drop',
  text: 'update label set dropped = true, ready = false where p = $1 and l = any($2::int8[])',
};
const insertLabels: Statement = {
  name: 'labels_insert',
  text: `insert into label (p, l, name, ready, dropped) select $1::int, u.l, u.name, false, false
    from unnest($2::int8[], $3::bytea[]) u(l, name) order by u.l`,
};

/**
 * Labels of a vault as this process knows them. Each partition has a row of each, which every change reads
 * for itself; an index is built, and dropped, by a server of all (build-labels.ts).
 */
export class Labels {
  current: readonly Label[] = [];

  constructor(
    private readonly database: Database,
    private readonly partitions: Partitions,
    private readonly ids: IdSource,
  ) {}

  async refresh(): Promise<void> {
    this.current = (await this.database.query(readLabels, [this.partitions.first])).map(labelFrom);
  }

  /** Sets the labels. A new one finds nothing before its index is built. */
  async set(names: readonly string[]): Promise<void> {
    await this.database.transact(async (transaction) => {
      const stored = await this.#stored(transaction);
      const gone = stored.filter(({ name }) => !names.includes(name)).map(({ l }) => l);
      const added = names.filter((name) => !stored.some((each) => each.name === name));
      this.#replace(transaction, gone, added);
    });
    await this.refresh();
  }

  /**
   * Has the indexes of all labels built once more, under other numbers: a server that is building those of
   * before makes none of them ready, and all of their tags go.
   */
  async renew(transaction: Transaction): Promise<void> {
    const stored = await this.#stored(transaction);
    this.#replace(
      transaction,
      stored.map(({ l }) => l),
      stored.map(({ name }) => name),
    );
  }

  /** Returns the labels; all that change them wait for each other. */
  async #stored(transaction: Transaction): Promise<Label[]> {
    const { first } = this.partitions;
    await transaction.query(lockTotals, [first]);
    const rows = (await transaction.query(readLabels, [first])).map(labelFrom);
    return rows.filter(({ isDropped }) => !isDropped);
  }

  #replace(transaction: Transaction, gone: readonly string[], added: readonly string[]): void {
    const columns = [added.map(() => this.ids.next(0)), added.map((name) => Buffer.from(name))];
    for (const p of this.partitions.all) {
      if (gone.length > 0) transaction.send(dropLabels, [p, gone]);
      if (added.length > 0) transaction.send(insertLabels, [p, ...columns]);
    }
  }
}
