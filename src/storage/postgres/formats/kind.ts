import { createHash } from 'node:crypto';
import type { Conversation } from '../../../model/index.js';

/** Fields that lists find conversations by. */
export type Kind = Pick<Conversation, 'application' | 'model' | 'tokenizer'>;

/** Returns the number of a kind: the first 4 bytes of a hash. Migration 9 says the same in SQL. */
export function kindOf({ application, model, tokenizer }: Kind): number {
  const hash = createHash('sha256');
  return hash.update(`${application}\0${model}\0${tokenizer}`).digest().readInt32BE();
}

export function kindValues(kind: Kind): [number, Buffer, Buffer, Buffer] {
  const { application, model, tokenizer } = kind;
  return [kindOf(kind), Buffer.from(application), Buffer.from(model), Buffer.from(tokenizer)];
}

/** Returns the name of a kind in a partition, which no other one has. */
export function nameOfKind(p: number, { application, model, tokenizer }: Kind): string {
  return JSON.stringify([p, application, model, tokenizer]);
}
