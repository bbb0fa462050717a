import type { Conversation } from '../../../model/index.js';
import type { ConversationPage, DamagedConversation, ListQuery } from '../../contract/queries.js';
import { numberAt, positionOf } from '../../shared/list-position.js';
import { matchesFilter } from '../../shared/records.js';
import { readHeader } from './conversations.js';
import { recordsAfter, recordsBefore } from './chain.js';
import type { Tables } from '../tables/environment.js';
import { IdIndex } from './id-index.js';
import type { StringOf } from './manifest.js';
import { isDamage } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import type { Found, Table } from '../tables/table.js';

type ListedTables = Pick<Tables, 'conversations' | 'meta'>;

/** Conversations that are examined before other work gets its turn. */
const SLICE = 500;

/**
 * Returns a page of conversations in creation order, from their headers. Each slice reads the state of its
 * moment. The position is a conversation's number, so nothing is repeated or skipped between them.
 */
export async function listConversations(
  tables: Pick<Tables, 'conversations' | 'ids' | 'meta'>,
  query: ListQuery,
  nameOf: StringOf,
): Promise<ConversationPage> {
  const { filter, limit, scanLimit } = query;
  const damaged = new Map<number, string>();
  const page = (next: number | undefined): ConversationPage => ({
    conversations,
    ...(damaged.size > 0 && { damaged: named(damaged, tables.ids) }),
    next: next === undefined ? undefined : positionOf(next),
  });
  const newestFirst = query.order === 'newestFirst';
  const conversations: Conversation[] = [];
  let position = firstPosition(tables, query, nameOf);
  let scanned = 0;
  for (;;) {
    let seen = 0;
    for (const found of after(tables, position, newestFirst)) {
      if (conversations.length + damaged.size >= limit || scanned >= scanLimit) return page(position);
      const { key } = found;
      const conversation = headerOf(found, nameOf, (detail) => damaged.set(key, detail));
      if (conversation && isPast(conversation, query)) return page(undefined);
      if (conversation && matchesFilter(conversation, filter)) conversations.push(conversation);
      position = key;
      scanned += 1;
      seen += 1;
    }
    if (seen < SLICE) return page(undefined);
    await new Promise(setImmediate);
    query.signal?.throwIfAborted();
  }
}

/** Undefined for a damaged record. */
function headerOf(
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

function named(damaged: ReadonlyMap<number, string>, ids: Table<Buffer>): DamagedConversation[] {
  const known = new IdIndex(ids).idsOf(new Set(damaged.keys()));
  return [...damaged].map(([number, detail]) => ({ id: known.get(number), detail }));
}

/** Yields a slice after a position, in the order asked for. */
function after(tables: ListedTables, position: number | undefined, newestFirst: boolean) {
  return newestFirst ? recordsBefore(tables, position, SLICE) : recordsAfter(tables, position ?? 0, SLICE);
}

/**
 * Returns the number at which to begin: create times rise with the numbers, so a time range is found by
 * bisection.
 */
function firstPosition(tables: ListedTables, query: ListQuery, nameOf: StringOf): number | undefined {
  if (query.after !== undefined) return numberAt(query.after);
  const { createTimeFromMs, createTimeBeforeMs } = query.filter;
  if (query.order === 'newestFirst') {
    return createTimeBeforeMs === undefined ? undefined : firstAtOrAfter(tables, createTimeBeforeMs, nameOf);
  }
  return createTimeFromMs === undefined ? undefined : firstAtOrAfter(tables, createTimeFromMs, nameOf) - 1;
}

/** Returns the least number such that every conversation from it on was created at this time or later. */
function firstAtOrAfter(tables: ListedTables, timeMs: number, nameOf: StringOf): number {
  let low = 1;
  let high = readState(tables.meta).lastConversation + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = firstReadable(tables, middle, nameOf);
    if (!found || found.createTimeMs >= timeMs) high = middle;
    else low = found.number + 1;
  }
  return low;
}

/** Returns the first conversation, from a number on, whose create time can be read. */
function firstReadable(tables: ListedTables, from: number, nameOf: StringOf) {
  for (const found of recordsAfter(tables, from - 1)) {
    const conversation = headerOf(found, nameOf);
    if (conversation) return { number: found.key, createTimeMs: conversation.createTimeMs };
  }
  return undefined;
}

/** True if no later conversation in this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  if (order === 'newestFirst') return createTimeMs < (filter.createTimeFromMs ?? -Infinity);
  return createTimeMs >= (filter.createTimeBeforeMs ?? Infinity);
}
