import type { Conversation } from '../../../model/index.js';
import type { ConversationPage, ListQuery } from '../../contract/queries.js';
import { numberAt, positionOf } from '../../shared/list-position.js';
import { isByCreation, isByStore, isLatestFirst } from '../../shared/time-order.js';
import { candidatesBeyond, candidatesFor, type Candidates } from '../lists/candidates.js';
import { CREATED, readDimensions } from '../lists/dimensions.js';
import type { OrderedTimes } from '../lists/time-candidates.js';
import type { Found } from '../tables/table.js';
import { recordsAfter, recordsBefore } from './chain.js';
import { firstAtOrAfter, headerOf, type ListedTables, recordAt } from './listed-records.js';
import { fillPage, type Look } from './list-page.js';
import { listByTime } from './listing-by-time.js';
import type { StringOf } from './manifest.js';

/** Conversations that are examined before other work gets its turn. */
const SLICE = 500;

/** A record that a list comes to; undefined: only a step of the search. */
type Step = readonly [number: number, found: Found<number> | undefined];

/**
 * Returns a page of conversations, from their headers. As long as no conversation has a create time of its
 * own, they are created in the order of their numbers, and the position is a number.
 */
export async function listConversations(
  tables: ListedTables,
  query: ListQuery,
  nameOf: StringOf,
): Promise<ConversationPage> {
  const hasCreated = hasCreateTimes(tables);
  const isByNumber = isByStore(query.order) || (isByCreation(query.order) && !hasCreated);
  if (!isByNumber) return listByTime(tables, query, nameOf);
  return fillPage<number | undefined>(tables, query, {
    start: firstPosition(tables, query, hasCreated, nameOf),
    looksAfter: (position) => looks(tables, query, position, nameOf),
    slice: SLICE,
    toListPosition: (position) => (position === undefined ? undefined : positionOf(position)),
  });
}

/** True if conversations have create times of their own: the order of numbers is another then. */
export function hasCreateTimes({ meta }: Pick<ListedTables, 'meta'>): boolean {
  return readDimensions(meta).some(({ id }) => id === CREATED);
}

function* looks(
  tables: ListedTables,
  query: ListQuery,
  position: number | undefined,
  nameOf: StringOf,
): Generator<Look<number>, void, void> {
  const hasCreated = hasCreateTimes(tables);
  const newestFirst = isLatestFirst(query.order);
  const list = { newestFirst, nameOf, ordered: hasCreated ? undefined : ('created' as const) };
  for (const [number, found] of steps(tables, query, position, list)) {
    let detail: string | undefined;
    const conversation = found && headerOf(found, nameOf, (what) => (detail = what));
    const past = !hasCreated && conversation !== undefined && isPast(conversation, query);
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
  { newestFirst, ...list }: { newestFirst: boolean; nameOf: StringOf; ordered: OrderedTimes },
): Generator<Step, void, void> {
  const candidates = candidatesFor(tables, filter, list);
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
  for (const { number, isCandidate } of candidatesBeyond(candidates, position, newestFirst)) {
    if (isCandidate) yield [number, recordAt(conversations, number)];
    // A step that found no candidate goes on at the number itself: the other cursors may have it.
    else yield [newestFirst ? number + 1 : number - 1, undefined];
  }
}

/**
 * Returns the number at which to begin: if create times rise with the numbers, a time range is found by
 * bisection.
 */
function firstPosition(
  tables: ListedTables,
  query: ListQuery,
  hasCreated: boolean,
  nameOf: StringOf,
): number | undefined {
  if (query.after !== undefined) return numberAt(query.after);
  const { createTimeFromMs, createTimeBeforeMs } = hasCreated ? {} : query.filter;
  if (isLatestFirst(query.order)) {
    return createTimeBeforeMs === undefined ? undefined : firstAtOrAfter(tables, createTimeBeforeMs, nameOf);
  }
  return createTimeFromMs === undefined ? undefined : firstAtOrAfter(tables, createTimeFromMs, nameOf) - 1;
}

/** True if no later conversation in this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  if (isLatestFirst(order)) return createTimeMs < (filter.createTimeFromMs ?? -Infinity);
  return createTimeMs >= (filter.createTimeBeforeMs ?? Infinity);
}
