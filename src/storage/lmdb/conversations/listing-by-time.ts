import { StowkenError, countOf } from '../../../model/index.js';
import type { ConversationPage, ListPosition, ListQuery } from '../../contract/queries.js';
import { numberAt } from '../../shared/list-position.js';
import {
  isAfter,
  isByCreation,
  isLatestFirst,
  type Place,
  placeAt,
  placeOf,
  placeOfNumber,
  positionOfPlace,
  rangeOf,
  startOf,
} from '../../shared/time-order.js';
import { type Candidates, candidatesBeyond, candidatesFor } from '../lists/candidates.js';
import { CREATED, type Dimension, EXPIRES, groupOf, readDimensions, UPDATED } from '../lists/dimensions.js';
import { UNINDEXED_MAX } from '../tables/layout.js';
import { readState } from '../tables/meta.js';
import type { Found } from '../tables/table.js';
import { recordsAfter } from './chain.js';
import { firstReadable, headerOf, type ListedTables, recordAt } from './listed-records.js';
import { fillPage } from './list-page.js';
import type { StringOf } from './manifest.js';
import { indexed, inNumberOrder, type Placed, type TimeList } from './placed-records.js';

/** Conversations that are examined before other work gets its turn. */
const SLICE = 2000;

/** Conversations outside the index up to which a list by time reads all of them for each page. */
const UNINDEXED_READ_MAX = 8 * UNINDEXED_MAX;

/** Steps of a search for candidates up to which their records are read and sorted for each page. */
const CANDIDATES_SORTED_MAX = 2048;

/**
 * Returns a page of conversations by create time, by the time of their last change, or by expire time. Parts
 * are merged: those outside the index, which are read and sorted; those whose store time is their place,
 * which their numbers have in order; and the others, by the index.
 */
export async function listByTime(
  tables: ListedTables,
  query: ListQuery,
  nameOf: StringOf,
): Promise<ConversationPage> {
  const { order, after } = query;
  const latestFirst = isLatestFirst(order);
  const { fromMs, beforeMs } = rangeOf(order, query.filter);
  const isPast = ({ timeMs }: Place) => (latestFirst ? timeMs < fromMs : timeMs >= beforeMs);
  return fillPage<Place>(tables, query, {
    start: after === undefined ? startOf(query) : (placeAt(after) ?? placeByNumber(tables, after, nameOf)),
    *looksAfter(position) {
      for (const { place, conversation, detail } of placesAfter(tables, position, query, nameOf))
        yield { position: place, number: place.number, conversation, detail, isPast: isPast(place) };
    },
    slice: SLICE,
    toListPosition: positionOfPlace,
  });
}

/** Returns the place of a position in the order of numbers, in which the list began. */
function placeByNumber(tables: ListedTables, position: ListPosition, nameOf: StringOf): Place {
  const number = numberAt(position);
  return placeOfNumber(number, firstReadable(tables, number, nameOf)?.storeTimeMs);
}

/** Yields what comes after a place, from one state. Every place is a look; some have no conversation. */
function* placesAfter(
  tables: ListedTables,
  position: Place,
  { order, filter }: ListQuery,
  nameOf: StringOf,
): Generator<Placed, void, void> {
  const id = isByCreation(order) ? CREATED : order === 'earliestExpiryFirst' ? EXPIRES : UPDATED;
  const dimension = readDimensions(tables.meta).find((each) => each.id === id)!;
  const latestFirst = isLatestFirst(order);
  const ordered = id === CREATED ? 'created' : 'updated';
  const candidates = id === EXPIRES ? undefined : candidatesFor(tables, filter, { nameOf, ordered });
  const list: TimeList<Dimension> = { tables, nameOf, dimension, latestFirst, position, candidates };
  const few = candidates && sortedCandidates(list, candidates, order);
  if (few) return yield* few;
  yield* merged(
    [
      sortedPlaces(list, recordsOutside(tables, dimension), order)[Symbol.iterator](),
      ...(id === EXPIRES ? [] : [inNumberOrder(list)]),
      indexed(list),
    ],
    latestFirst,
  );
}

function* merged(
  parts: readonly Iterator<Placed, undefined | void, void>[],
  latestFirst: boolean,
): Generator<Placed, void, void> {
  try {
    const heads = parts.map((part) => part.next().value ?? undefined);
    for (;;) {
      let first: number | undefined;
      for (const [at, head] of heads.entries()) {
        const best = first === undefined ? undefined : heads[first];
        if (head && (!best || isAfter(best.place, head.place, latestFirst))) first = at;
      }
      if (first === undefined) return;
      yield heads[first]!;
      heads[first] = parts[first]!.next().value ?? undefined;
    }
  } finally {
    // A range that is left open would keep its snapshot alive.
    for (const part of parts) part.return?.();
  }
}

/** Returns the records that the index has not yet. @throws StowkenError INDEX_BUILDING if they are many */
function recordsOutside(tables: ListedTables, { to }: Pick<Dimension, 'to'>): Iterable<Found<number>> {
  const behind = readState(tables.meta).lastConversation - to;
  if (behind <= UNINDEXED_READ_MAX) return recordsAfter(tables, to);
  throw new StowkenError(
    'INDEX_BUILDING',
    `the index by this time lacks up to ${countOf(behind, 'conversation')} and is being built; try again later`,
    { behind: String(behind) },
  );
}

/** Returns the conversations that a filter's index leads to, in order; undefined if they are not few. */
function sortedCandidates(
  list: TimeList,
  candidates: Candidates,
  order: ListQuery['order'],
): Placed[] | undefined {
  const { tables } = list;
  const outside = readState(tables.meta).lastConversation - candidates.to;
  if (outside > UNINDEXED_READ_MAX) return undefined;
  const numbers: number[] = [];
  let steps = 0;
  for (const { number, isCandidate } of candidatesBeyond(candidates, 0, false)) {
    if (++steps > CANDIDATES_SORTED_MAX) return undefined;
    if (isCandidate) numbers.push(number);
  }
  const found = numbers.map((number) => recordAt(tables.conversations, number));
  const later = outside > 0 ? recordsAfter(tables, candidates.to) : [];
  return [...sortedPlaces({ ...list, dimension: undefined }, [...found, ...later], order)];
}

/**
 * Returns what is after the position, in order. With a dimension, it leaves out records that it does not
 * have: another part has them, or none.
 */
function sortedPlaces(
  { position, nameOf, latestFirst, dimension }: TimeList,
  records: Iterable<Found<number>>,
  order: ListQuery['order'],
): Placed[] {
  const placed: Placed[] = [];
  for (const found of records) {
    let detail: string | undefined;
    const conversation = headerOf(found, nameOf, (what) => (detail = what));
    const isOfOthers =
      conversation && dimension?.id === CREATED && groupOf(dimension, found.key, conversation) === undefined;
    if (isOfOthers) continue;
    const place = conversation ? placeOf(conversation, found.key, order) : { timeMs: 0, number: found.key };
    if (place && isAfter(place, position, latestFirst))
      placed.push({ place, conversation, ...(detail !== undefined && { detail }) });
  }
  return placed.sort((a, b) => (isAfter(b.place, a.place, latestFirst) ? -1 : 1));
}
