import type { Conversation } from '../../../model/index.js';
import type { DamagedConversation } from '../../contract/queries.js';
import type { Tables } from '../tables/environment.js';
import { isDamage } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import type { Found, Table } from '../tables/table.js';
import type { ConversationNumber } from '../tables/ids.js';
import { recordsAfter } from './chain.js';
import { readHeader } from './conversations.js';
import { IdIndex } from './id-index.js';
import type { StringOf } from './manifest.js';

/** Tables that lists read. */
export type ListedTables = Pick<Tables, 'conversations' | 'ids' | 'meta' | 'postings'>;

/** Undefined for a damaged record. */
export function headerOf(
  found: Found<number>,
  nameOf: StringOf,
  onDamaged?: (detail: string) => void,
): Conversation | undefined {
  try {
    if (found.damage) throw found.damage;
    return readHeader(found.value, nameOf).conversation;
  } catch (error) {
    if (!isDamage(error)) throw error;
    onDamaged?.(error.message);
    return undefined;
  }
}

/** Returns the record that an index leads to, which is damaged if it is not there. */
export function recordAt(table: Table<number>, key: number): Found<number> {
  const found = table.unchecked(key);
  if (!found) {
    const damage = table.corrupt(key, 'is missing: the list index leads to it');
    return { key, value: undefined, damage };
  }
  const { value, damage } = found;
  return damage ? { key, value: undefined, damage } : { key, value, damage };
}

export function namesOf(damaged: ReadonlyMap<number, string>, ids: Table<Buffer>): DamagedConversation[] {
  const known = new IdIndex(ids).idsOf(new Set(damaged.keys()));
  return [...damaged].map(([number, detail]) => ({ id: known.get(number as ConversationNumber), detail }));
}

/** Returns the least number such that every conversation from it on was stored at this time or later. */
export function firstAtOrAfter(tables: ListedTables, timeMs: number, nameOf: StringOf): number {
  let low = 1;
  let high = readState(tables.meta).lastConversation + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = firstReadable(tables, middle, nameOf);
    if (!found || found.storeTimeMs >= timeMs) high = middle;
    else low = found.number + 1;
  }
  return low;
}

/** Returns the first conversation, from a number on, whose store time can be read. */
export function firstReadable(tables: ListedTables, from: number, nameOf: StringOf) {
  for (const found of recordsAfter(tables, from - 1)) {
    const conversation = headerOf(found, nameOf);
    if (conversation) return { number: found.key, storeTimeMs: conversation.storeTimeMs };
  }
  return undefined;
}
