import { passGates } from '../collect/condemn.js';
import type { VaultParts } from '../commit/parts.js';
import { columnsOf, insertTags } from '../commit/tags.js';
import { type Statement, text } from '../database/driver.js';
import { headColumns, headFrom } from '../formats/head.js';
import { uuidOf } from '../formats/ids.js';
import { type Label, tagsOf } from '../formats/labels.js';
import { takeLease } from './exclusive.js';

/** Conversations whose rows one transaction locks, to add their tags. */
const rowsAtOnce = 500;
const firstId = '00000000-0000-0000-0000-000000000000';

const lockHeads: Statement = {
  name: 'labels_heads',
  text: `select ${headColumns} from conv where p = $1 and idh > $2 order by idh limit ${rowsAtOnce} for update`,
};
const readyLabels: Statement = {
  name: 'labels_ready',
  text: 'update label set ready = true where p = $1 and l = any($2::int8[]) and not dropped',
};
const removeTags: Statement = {
  name: 'tags_remove',
  text: 'delete from tag where p = $1 and l = any($2::int8[])',
};
const removeLabels: Statement = {
  name: 'labels_remove',
  text: 'delete from label where p = $1 and l = any($2::int8[])',
};

/**
 * Builds the indexes of new labels, and removes those of labels that were removed, if no other server
 * does. Every change reads the labels while it holds a gate: after all gates were passed once, each that goes
 * on knows of them, and writes the tags of its own conversations. Those of others are added meanwhile, while
 * their rows are locked.
 */
export async function buildLabels(vault: VaultParts, signal: AbortSignal): Promise<void> {
  const { database, partitions, labels } = vault;
  const lease = await takeLease(database, partitions.first, 'labels');
  if (!lease) return;
  try {
    await labels.refresh();
    const ended = AbortSignal.any([signal, lease.lost]);
    const dropped = labels.current.filter(({ isDropped }) => isDropped);
    const built = labels.current.filter(({ isReady, isDropped }) => !isReady && !isDropped);
    if (dropped.length + built.length === 0) return;
    for (const p of partitions.all) await passGates(database, p);
    for (const p of partitions.all) {
      if (dropped.length > 0) await remove(vault, p, dropped);
      if (built.length > 0) await build(vault, p, built, ended);
      if (ended.aborted) return;
    }
    const numbers = [built, dropped].map((some) => some.map(({ l }) => l));
    await database.transact(async (transaction) => {
      for (const p of partitions.all) {
        transaction.send(readyLabels, [p, numbers[0] ?? []]);
        await transaction.query(removeLabels, [p, numbers[1] ?? []]);
      }
    });
    await labels.refresh();
  } finally {
    await lease.release();
  }
}

async function remove({ database }: VaultParts, p: number, labels: readonly Label[]): Promise<void> {
  const numbers = labels.map(({ l }) => l);
  await database.transact((transaction) => transaction.query(removeTags, [p, numbers]), { long: true });
}

async function build(
  { database }: VaultParts,
  p: number,
  labels: readonly Label[],
  ended: AbortSignal,
): Promise<void> {
  for (let after = firstId; !ended.aborted;) {
    const rows = await database.transact(async (transaction) => {
      const found = await transaction.query(lockHeads, [p, after]);
      const tagged = found.map(headFrom).flatMap(({ conversation, cid }) => {
        const idh = uuidOf(conversation.id);
        return tagsOf(labels, conversation, cid).map((tag) => ({ tag, idh }));
      });
      const columns = columnsOf(tagged.map(({ tag }) => tag));
      if (tagged.length > 0) transaction.send(insertTags, [p, ...columns, tagged.map(({ idh }) => idh)]);
      return found;
    });
    if (rows.length < rowsAtOnce) return;
    after = text(rows.at(-1)?.['idh']);
  }
}
