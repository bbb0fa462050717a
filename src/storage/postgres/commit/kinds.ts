import type { Statement } from '../database/driver.js';
import { type Kind, kindValues, nameOfKind } from '../formats/kind.js';
import type { Works } from './works.js';

export const insertKinds: Statement = {
  name: 'kinds_insert',
  text: `insert into kind (p, kind, app, model, tok) select $1::int, u.kind, u.app, u.model, u.tok
    from unnest($2::int4[], $3::bytea[], $4::bytea[], $5::bytea[]) u(kind, app, model, tok)
    order by u.app, u.model, u.tok, u.kind on conflict do nothing`,
};

/** Adds the kind of a conversation to those of its partition, unless this process knows that it is there. */
export function sendKind({ transaction, vault, kinds }: Works, p: number, kind: Kind): void {
  const name = nameOfKind(p, kind);
  if (vault.kinds.has(name, transaction.place)) return;
  const [number, ...fields] = kindValues(kind);
  transaction.send(insertKinds, [p, [number], ...fields.map((field) => [field])]);
  kinds.push(name);
}
