import type { Conversation } from '../../../model/index.js';
import { StowkenError, countOf } from '../../../model/index.js';
import type { ConversationPage, ListOrder, ListQuery } from '../../contract/queries.js';
import { isAfter, type Place, placeAt, placeOf, positionOfPlace, startOf } from '../../shared/time-order.js';
import { EXPIRES, GROUP_RANGE, groupOfTime, readDimensions, UPDATED } from '../lists/dimensions.js';
import { PostingIndex } from '../lists/posting-index.js';
import { UNINDEXED_MAX } from '../tables/layout.js';
import { readState } from '../tables/meta.js';
import { recordsAfter, recordsBefore } from './chain.js';
import { firstAtOrAfter, headerOf, type ListedTables } from './listed-records.js';
import { fillPage } from './list-page.js';
import type { StringOf } from './manifest.js';

/** Conversations that are examined before other work gets its turn. */
const SLICE = 2000;

/** Conversations outside the index up to which a list by time reads all of them for each page. */
const UNINDEXED_READ_MAX = 8 * UNINDEXED_MAX;

/** A conversation with its place in the order; without the conversation if its record is damaged. */
interface Placed {
  readonly place: Place;
  readonly conversation: Conversation | undefined;
  readonly detail?: string;
}

/**
 * Returns a page of conversations by the time of their last change, or by expire time. Parts are merged:
 * those outside the index, which are read and sorted; those never changed, whose create time is their place
 * by update; and the others, by the index.
 */
export async function listByTime(
  tables: ListedTables,
  query: ListQuery,
  nameOf: StringOf,
): Promise<ConversationPage> {
  const { order } = query;
  const latestFirst = order === 'latestUpdateFirst';
  const { updateTimeFromMs = -Infinity, updateTimeBeforeMs, expireTimeBeforeMs } = query.filter;
  const beforeMs = (order === 'earliestExpiryFirst' ? expireTimeBeforeMs : updateTimeBeforeMs) ?? Infinity;
  const isPast = ({ timeMs }: Place) => (latestFirst ? timeMs < updateTimeFromMs : timeMs >= beforeMs);
  return fillPage<Place>(tables, query, {
    start: query.after === undefined ? startOf(query) : placeAt(query.after),
    *looksAfter(position) {
      for (const { place, conversation, detail } of placesAfter(tables, position, order, nameOf))
        yield { position: place, number: place.number, conversation, detail, isPast: isPast(place) };
    },
    slice: SLICE,
    toListPosition: positionOfPlace,
  });
}

/** Yields what comes after a place, from one state. Every place is a look; some have no conversation. */
function* placesAfter(
  tables: ListedTables,
  position: Place,
  order: ListOrder,
  nameOf: StringOf,
): Generator<Placed, void, void> {
  const latestFirst = order === 'latestUpdateFirst';
  const dimension = order === 'earliestExpiryFirst' ? EXPIRES : UPDATED;
  const to = readDimensions(tables.meta).find(({ id }) => id === dimension)?.to ?? 0;
  const parts = [
    unindexed(tables, to, position, order, nameOf)[Symbol.iterator](),
    ...(dimension === UPDATED ? [unchanged(tables, to, position, latestFirst, nameOf)] : []),
    indexed(tables, dimension, position, latestFirst, nameOf),
  ];
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

/** Returns the conversations that the index has not yet, in order. */
function unindexed(
  tables: ListedTables,
  to: number,
  position: Place,
  order: ListOrder,
  nameOf: StringOf,
): Placed[] {
  const latestFirst = order === 'latestUpdateFirst';
  const behind = readState(tables.meta).lastConversation - to;
  if (behind > UNINDEXED_READ_MAX)
    throw new StowkenError(
      'INDEX_BUILDING',
      `the index by this time lacks up to ${countOf(behind, 'conversation')} and is being built; try again later`,
      { behind: String(behind) },
    );
  const placed: Placed[] = [];
  for (const found of recordsAfter(tables, to)) {
    let detail: string | undefined;
    const conversation = headerOf(found, nameOf, (what) => (detail = what));
    const place = conversation ? placeOf(conversation, found.key, order) : { timeMs: 0, number: found.key };
    if (place && isAfter(place, position, latestFirst))
      placed.push({ place, conversation, ...(detail !== undefined && { detail }) });
  }
  return placed.sort((a, b) => (isAfter(b.place, a.place, latestFirst) ? -1 : 1));
}

/** Yields conversations of the index that were not changed since their creation. */
function* unchanged(
  tables: ListedTables,
  to: number,
  position: Place,
  latestFirst: boolean,
  nameOf: StringOf,
): Generator<Placed, void, void> {
  if (to === 0) return;
  const { timeMs } = position;
  const beyond = timeMs === Infinity ? to + 1 : firstAtOrAfter(tables, timeMs + 1, nameOf);
  const records = latestFirst
    ? recordsBefore(tables, Math.min(beyond, to + 1))
    : recordsAfter(tables, timeMs === -Infinity ? 0 : firstAtOrAfter(tables, timeMs, nameOf) - 1);
  let lastMs = latestFirst ? timeMs : 0;
  for (const found of records) {
    if (found.key > to) return;
    let detail: string | undefined;
    const conversation = headerOf(found, nameOf, (what) => (detail = what));
    if (conversation && conversation.updateTimeMs !== conversation.createTimeMs) continue;
    lastMs = conversation?.createTimeMs ?? lastMs;
    const place = { timeMs: lastMs, number: found.key };
    if (isAfter(place, position, latestFirst))
      yield { place, conversation, ...(detail !== undefined && { detail }) };
  }
}

/** Yields the conversations that the index has under a time. */
function* indexed(
  tables: ListedTables,
  id: number,
  position: Place,
  latestFirst: boolean,
  nameOf: StringOf,
): Generator<Placed, void, void> {
  const dimension = { id };
  const index = new PostingIndex(tables.postings);
  const bounded = Math.min(Math.max(position.timeMs, 0), GROUP_RANGE - 1);
  const [first, beyond] = [groupOfTime(dimension, 0), groupOfTime({ id: id + 1 }, 0)];
  let chunk: ReturnType<PostingIndex['after']> = index.chunkAt(groupOfTime(dimension, bounded), 0);
  // The numbers of this very time may go on in later chunks.
  while (
    latestFirst &&
    chunk.end !== undefined &&
    (chunk.groups.at(-1) ?? 0) <= groupOfTime(dimension, bounded)
  ) {
    const next = index.after(chunk);
    if (!next) break;
    chunk = next;
  }
  for (; chunk; chunk = latestFirst ? index.before(chunk) : index.after(chunk)) {
    const count = chunk.groups.length;
    for (let step = 0; step < count; step++) {
      const at = latestFirst ? count - 1 - step : step;
      const [group, number] = [chunk.groups[at]!, chunk.numbers[at]!];
      if (latestFirst ? group < first : group >= beyond) return;
      const place = { timeMs: group - first, number };
      if (group < first || group >= beyond || !isAfter(place, position, latestFirst)) continue;
      const record = tables.conversations.get(number);
      const missing = 'its record is missing: the list index leads to it';
      const conversation = record && headerOf({ key: number, value: record, damage: undefined }, nameOf);
      yield record ? { place, conversation } : { place, conversation: undefined, detail: missing };
    }
  }
}
