import type { Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import type { Head } from '../formats/head.js';
import { uuidOf } from '../formats/ids.js';
import { isSameTag, type Label, type Tag, tagsOf } from '../formats/labels.js';

export const insertTags: Statement = {
  name: 'tags_insert',
  text: `insert into tag (p, l, h, created, cid, idh) select $1::int, u.l, u.h, u.created, u.cid, u.idh
    from unnest($2::int8[], $3::uuid[], $4::int8[], $5::int8[], $6::uuid[]) u(l, h, created, cid, idh)
    order by u.l, u.h, u.created, u.cid on conflict do nothing`,
};
const deleteTags: Statement = {
  name: 'tags_delete',
  text: `delete from tag using unnest($2::int8[], $3::uuid[], $4::int8[], $5::int8[]) u(l, h, created, cid)
    where tag.p = $1 and tag.l = u.l and tag.h = u.h and tag.created = u.created and tag.cid = u.cid`,
};

/** Changes the tags of a conversation's row, which is locked or new. */
export function changeTags(
  transaction: Transaction,
  p: number,
  labels: readonly Label[],
  before: Head | undefined,
  after: Head | undefined,
): void {
  const [old, fresh] = [before, after].map((head) =>
    head ? tagsOf(labels, head.conversation, head.cid) : [],
  );
  const gone = old!.filter((tag) => !fresh!.some((other) => isSameTag(tag, other)));
  const added = fresh!.filter((tag) => !old!.some((other) => isSameTag(tag, other)));
  if (gone.length > 0) transaction.send(deleteTags, [p, ...columnsOf(gone)]);
  if (added.length > 0)
    transaction.send(insertTags, [p, ...columnsOf(added), added.map(() => uuidOf(after!.conversation.id))]);
}

export function columnsOf(tags: readonly Tag[]): [string[], string[], number[], string[]] {
  return [
    tags.map(({ l }) => l),
    tags.map(({ h }) => h),
    tags.map(({ createdMs }) => createdMs),
    tags.map(({ cid }) => cid),
  ];
}
