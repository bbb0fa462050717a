import type { Database } from '../database/database.js';
import { bytes, type Statement } from '../database/driver.js';

const readLabels: Statement = {
  name: 'labels_read',
  text: 'select name from label where p = $1 order by at',
};
const deleteLabels: Statement = { name: 'labels_delete', text: 'delete from label where p = $1' };
const insertLabels: Statement = {
  name: 'labels_insert',
  text: `insert into label (p, at, name) select $1::int, u.at, u.name
    from unnest($2::int4[], $3::bytea[]) u(at, name)`,
};
const lockClock: Statement = {
  name: 'labels_lock',
  text: 'select clock from totals where p = $1 for update',
};

/** Labels of a vault, by which usage is counted apart. Other servers learn of new ones within a second. */
export class Labels {
  current: readonly string[] = [];

  constructor(
    private readonly database: Database,
    private readonly p: number,
  ) {}

  async refresh(): Promise<void> {
    const rows = await this.database.query(readLabels, [this.p]);
    this.current = rows.map(({ name }) => bytes(name).toString());
  }

  async set(labels: readonly string[]): Promise<void> {
    await this.database.transact(async (transaction) => {
      await transaction.query(lockClock, [this.p]);
      transaction.send(deleteLabels, [this.p]);
      const names = labels.map((label) => Buffer.from(label));
      if (labels.length > 0) transaction.send(insertLabels, [this.p, names.map((_, at) => at), names]);
    });
    this.current = [...labels];
  }
}
