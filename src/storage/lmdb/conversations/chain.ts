import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState, type State } from '../tables/meta.js';
import type { ConversationTable } from '../cold/conversation-table.js';
import type { DamagedEntry, Found, Table } from '../tables/table.js';
import type { ConversationNumber } from '../tables/ids.js';
import { distanceOf } from './distance.js';

type ConversationTables = Pick<Tables, 'conversations' | 'meta'>;

/** Returns the number of the conversation before this one; undefined if a damaged record has lost it. */
function beforeIn({ key, value }: Pick<Found<number>, 'key' | 'value'>): number | undefined {
  const distance = value && undefinedIfCorrupt(() => distanceOf(value));
  return distance === undefined ? undefined : key - distance;
}

/** Takes the next number, and its distance from the conversation before. */
export function nextInChain(state: State): {
  readonly number: ConversationNumber;
  readonly distance: number;
} {
  const number = state.nextConversation++ as ConversationNumber;
  const distance = number - state.lastConversation;
  state.lastConversation = number;
  return { number, distance };
}

/**
 * Removes a record, and sets the distance in the one behind it. `distance` is the removed one's, if its
 * record can be read. A damaged neighbour, or one that follows another record, is not changed.
 */
export function removeFromChain(
  table: ConversationTable,
  state: State,
  number: ConversationNumber,
  distance: number | undefined,
): void {
  const before = distance === undefined ? (table.keyBefore(number) ?? 0) : number - distance;
  const after = table.keyAfter(number);
  table.remove(number);
  if (after === undefined) {
    if (state.lastConversation === number) state.lastConversation = before;
    return;
  }
  const value = undefinedIfCorrupt(() => table.get(after));
  if (value && beforeIn({ key: after, value }) === number) table.setDistance(after, value, after - before);
}

/** Rebuilds the chain from the intact records. */
export function rebuildChain({ conversations }: Pick<Tables, 'conversations'>, state: State): void {
  let before = 0;
  for (const key of [...conversations.keys()]) {
    const value = undefinedIfCorrupt(() => conversations.get(key));
    const said = value && beforeIn({ key, value });
    if (value && said !== undefined && said !== before) conversations.setDistance(key, value, key - before);
    before = key;
  }
  state.lastConversation = before;
}

/**
 * Yields the records of a state after a position, in ascending order. A record that the next one names and
 * that is not found is yielded as a damaged one.
 */
export function* recordsAfter(
  { conversations: table, meta }: ConversationTables,
  position: number,
  limit = Infinity,
): Generator<Found<number>, void, void> {
  let before = position;
  let left = limit;
  for (const found of table.scan({ start: position + 1, ...limited(limit) })) {
    const said = beforeIn(found);
    if (said !== undefined && said > before) yield missing(table, said);
    before = found.key;
    left -= 1;
    yield found;
  }
  const last = readState(meta).lastConversation;
  if (left > 0 && before < last) yield missing(table, last);
}

/** Yields the records before a position, or from the end, in descending order. */
export function* recordsBefore(
  tables: ConversationTables,
  position: number | undefined,
  limit = Infinity,
): Generator<Found<number>, void, void> {
  const { conversations: table } = tables;
  let next = position === undefined ? readState(tables.meta).lastConversation : beforeOf(tables, position);
  let left = limit;
  const start = position === undefined ? {} : { start: position - 1 };
  // LMDB takes key 0 for no key at all.
  const found = position === 1 ? [] : table.scan({ ...start, reverse: true, ...limited(limit) });
  for (const record of found) {
    if (next !== undefined && record.key < next) yield missing(table, next);
    next = beforeIn(record);
    left -= 1;
    yield record;
  }
  if (left > 0 && next !== undefined && next > 0) yield missing(table, next);
}

/**
 * Returns the number of the conversation before a position, at which there may be none any more; undefined if
 * a damaged record has lost it.
 * @throws StowkenError CORRUPT_STORE
 */
function beforeOf({ conversations: table, meta }: ConversationTables, position: number): number | undefined {
  let before = readState(meta).lastConversation;
  for (const found of table.scan({ start: position, limit: 1 })) {
    const said = beforeIn(found);
    if (said === undefined || found.key === position) return said;
    before = said;
  }
  if (before > position) throw missing(table, before).damage;
  return before === position ? undefined : before;
}

function limited(limit: number): { readonly limit?: number } {
  return limit === Infinity ? {} : { limit };
}

function missing(table: Table<number>, key: number): DamagedEntry<number> {
  return { key, value: undefined, damage: table.corrupt(key, 'is missing') };
}
