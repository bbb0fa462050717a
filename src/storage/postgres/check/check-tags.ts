import { int, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import type { Head } from '../formats/head.js';
import { type Label, labelFrom, type Tag, tagsOf } from '../formats/labels.js';
import { readLabels } from '../commit/lookup.js';
import type { Add } from './findings.js';

const rowsAtOnce = 5_000;
const firstHash = '00000000-0000-0000-0000-000000000000';

const scanTags: Statement = {
  name: 'check_tags',
  text: `select l, h, created, cid from tag where p = $1 and (l, h, created, cid) > ($2, $3::uuid, $4, $5)
    order by l, h, created, cid limit ${rowsAtOnce}`,
};

/** Tags of a partition, compared with the conversations that labels find by them. */
export class CheckedTags {
  readonly #expected = new Map<string, string>();

  private constructor(
    private readonly labels: readonly Label[],
    private readonly add: Add,
  ) {}

  static async begin(transaction: Transaction, p: number, add: Add): Promise<CheckedTags> {
    const labels = (await transaction.query(readLabels, [p])).map(labelFrom);
    return new CheckedTags(
      labels.filter(({ isDropped }) => !isDropped),
      add,
    );
  }

  expect({ conversation, cid }: Head): void {
    for (const tag of tagsOf(this.labels, conversation, cid))
      this.#expected.set(nameOf(tag), conversation.id);
  }

  async compare(transaction: Transaction, p: number): Promise<void> {
    const known = new Map(this.labels.map((label) => [label.l, label]));
    let after: [string, string, string, string] = ['-1', firstHash, '0', '0'];
    for (;;) {
      const rows = await transaction.query(scanTags, [p, ...after]);
      for (const row of rows) {
        const tag = {
          l: text(row['l']),
          h: text(row['h']),
          createdMs: int(row['created']),
          cid: text(row['cid']),
        };
        const wasExpected = this.#expected.delete(nameOf(tag));
        if (!wasExpected && known.has(tag.l))
          this.add('tags', `tag ${nameOf(tag)}`, 'it leads to no conversation with this value');
      }
      const last = rows.at(-1);
      if (rows.length < rowsAtOnce || !last) break;
      after = [text(last['l']), text(last['h']), text(last['created']), text(last['cid'])];
    }
    for (const [name, id] of this.#expected) {
      if (known.get(name.split(' ')[0] ?? '')?.isReady === true)
        this.add('tags', `conversation ${id}`, `its tag ${name} is missing`);
    }
  }
}

function nameOf({ l, h, createdMs, cid }: Tag): string {
  return `${l} ${h} ${createdMs} ${cid}`;
}
