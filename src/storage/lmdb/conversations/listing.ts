import type { Conversation } from '../../../model/index.js';
import type { ConversationPage, ListQuery } from '../../contract/queries.js';
import { numberAt, positionOf } from '../../shared/list-position.js';
import { isByTime } from '../../shared/time-order.js';
import { candidatesFor, type Candidates } from '../lists/candidates.js';
import type { Found, Table } from '../tables/table.js';
import { recordsAfter, recordsBefore } from './chain.js';
import { firstAtOrAfter, headerOf, type ListedTables } from './listed-records.js';
import { fillPage, type Look } from './list-page.js';
import { listByTime } from './listing-by-time.js';
import type { StringOf } from './manifest.js';

/** Conversations that are examined before other work gets its turn. */
const SLICE = 500;

/** A record that a list comes to; undefined: only a step of the search. */
type Step = readonly [number: number, found: Found<number> | undefined];

/** Returns a page of conversations, from their headers. The position is a conversation's number. */
export async function listConversations(
  tables: ListedTables,
  query: ListQuery,
  nameOf: StringOf,
): Promise<ConversationPage> {
  if (isByTime(query.order)) return listByTime(tables, query, nameOf);
  return fillPage<number | undefined>(tables, query, {
    start: firstPosition(tables, query, nameOf),
    looksAfter: (position) => looks(tables, query, position, nameOf),
    slice: SLICE,
    toListPosition: (position) => (position === undefined ? undefined : positionOf(position)),
  });
}

function* looks(
  tables: ListedTables,
  query: ListQuery,
  position: number | undefined,
  nameOf: StringOf,
): Generator<Look<number>, void, void> {
  for (const [number, found] of steps(tables, query, position, query.order === 'newestFirst')) {
    let detail: string | undefined;
    const conversation = found && headerOf(found, nameOf, (what) => (detail = what));
    const past = conversation !== undefined && isPast(conversation, query);
    yield { position: number, number, conversation, detail, isPast: past };
  }
}

/**
 * Yields the conversations after a position that may pass the filter, in the order asked for, with their
 * numbers: those that the list index has not by their records, the others by the index, if it helps.
 */
function* steps(
  tables: ListedTables,
  { filter }: ListQuery,
  position: number | undefined,
  newestFirst: boolean,
): Generator<Step, void, void> {
  const candidates = candidatesFor(tables, filter);
  if (!newestFirst) {
    const after = position ?? 0;
    if (candidates) yield* indexed(tables, candidates, after, false);
    if (candidates?.to === Infinity) return;
    for (const found of recordsAfter(tables, Math.max(after, candidates?.to ?? 0), SLICE))
      yield [found.key, found];
    return;
  }
  if (candidates === undefined || position === undefined || position > candidates.to + 1) {
    for (const found of recordsBefore(tables, position, SLICE)) {
      if (candidates && found.key <= candidates.to) break;
      yield [found.key, found];
    }
  }
  if (candidates) yield* indexed(tables, candidates, position ?? Infinity, true);
}

function* indexed(
  { conversations }: ListedTables,
  candidates: Candidates,
  position: number,
  newestFirst: boolean,
): Generator<Step, void, void> {
  const bounded = Math.min(candidates.to, Number.MAX_SAFE_INTEGER);
  let next = newestFirst ? Math.min(position - 1, numberMax(bounded)) : position + 1;
  while (next > 0 && next <= numberMax(bounded)) {
    const { number, isCandidate } = newestFirst ? candidates.upTo(next) : candidates.from(next);
    if (number === undefined) return;
    if (isCandidate) yield [number, recordAt(conversations, number)];
    // A step that found no candidate goes on at the number itself: the other cursors may have it.
    else yield [newestFirst ? number + 1 : number - 1, undefined];
    next = isCandidate ? (newestFirst ? number - 1 : number + 1) : number;
  }
}

/** Numbers are keys of 32 bits. */
function numberMax(to: number): number {
  return Math.min(to, 2 ** 32 - 1);
}

function recordAt(table: Table<number>, key: number): Found<number> {
  const found = table.unchecked(key);
  if (!found) {
    const damage = table.corrupt(key, 'is missing: the list index leads to it');
    return { key, value: undefined, damage };
  }
  const { value, damage } = found;
  return damage ? { key, value: undefined, damage } : { key, value, damage };
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

/** True if no later conversation in this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  if (order === 'newestFirst') return createTimeMs < (filter.createTimeFromMs ?? -Infinity);
  return createTimeMs >= (filter.createTimeBeforeMs ?? Infinity);
}
