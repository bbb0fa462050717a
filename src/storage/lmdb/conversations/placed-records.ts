import type { Conversation } from '../../../model/index.js';
import { isAfter, type Place } from '../../shared/time-order.js';
import { type Candidates, candidatesBeyond } from '../lists/candidates.js';
import { CREATED, type Dimension, GROUP_RANGE, groupOf, groupOfTime } from '../lists/dimensions.js';
import { PostingIndex } from '../lists/posting-index.js';
import type { Found } from '../tables/table.js';
import { recordsAfter, recordsBefore } from './chain.js';
import { firstAtOrAfter, firstReadable, headerOf, type ListedTables, recordAt } from './listed-records.js';
import type { StringOf } from './manifest.js';

/** A conversation with its place in the order; without the conversation if its record is damaged. */
export interface Placed {
  readonly place: Place;
  readonly conversation: Conversation | undefined;
  readonly detail?: string;
}

/** A list by a time, from a position on. */
export interface TimeList<D = Dimension | undefined> {
  readonly tables: ListedTables;
  readonly nameOf: StringOf;
  /** Dimension of the list index that has this time. */
  readonly dimension: D;
  readonly latestFirst: boolean;
  readonly position: Place;
  /** Conversations that may pass the filter; undefined: no index has them. */
  readonly candidates: Candidates | undefined;
}

/**
 * Yields conversations whose place is their store time, in the order of their numbers: for CREATED those
 * below its first number, for UPDATED those of the index, as far as the index has no other place for them.
 */
export function* inNumberOrder(list: TimeList<Dimension>): Generator<Placed, void, void> {
  const { tables, nameOf, dimension, latestFirst, position } = list;
  const last = dimension.id === CREATED ? dimension.from - 1 : dimension.to;
  if (last === 0) return;
  const { timeMs } = position;
  const beyond = timeMs === Infinity ? last + 1 : firstAtOrAfter(tables, timeMs + 1, nameOf);
  const start = latestFirst
    ? Math.min(beyond, last + 1)
    : timeMs === -Infinity
      ? 0
      : firstAtOrAfter(tables, timeMs, nameOf) - 1;
  let lastMs = latestFirst ? timeMs : 0;
  for (const { number, found } of recordsBeyond(list, start)) {
    if (number > last) return;
    let detail: string | undefined;
    const conversation = found && headerOf(found, nameOf, (what) => (detail = what));
    if (conversation && groupOf(dimension, number, conversation) !== undefined) continue;
    // A step that found no candidate goes on at the number itself: its place is the one before.
    const step = found ? 0 : latestFirst ? 1 : -1;
    lastMs = (found ? conversation : firstReadable(tables, number, nameOf))?.storeTimeMs ?? lastMs;
    const place = { timeMs: lastMs, number: number + step };
    if (isAfter(place, position, latestFirst))
      yield { place, conversation, ...(detail !== undefined && { detail }) };
  }
}

/** A record that a list comes to; undefined: only a step of the search. */
interface Step {
  readonly number: number;
  readonly found: Found<number> | undefined;
}

/** Yields records beyond a number, in order: those of candidates, and those that no index of them has. */
function* recordsBeyond(
  { tables, candidates, latestFirst }: TimeList,
  start: number,
): Generator<Step, void, void> {
  if (candidates === undefined)
    return yield* stepsOf(latestFirst ? recordsBefore(tables, start) : recordsAfter(tables, start));
  if (latestFirst && start > candidates.to + 1)
    for (const found of recordsBefore(tables, start)) {
      if (found.key <= candidates.to) break;
      yield { number: found.key, found };
    }
  for (const { number, isCandidate } of candidatesBeyond(candidates, start, latestFirst))
    yield { number, found: isCandidate ? recordAt(tables.conversations, number) : undefined };
  if (!latestFirst && candidates.to < Infinity)
    yield* stepsOf(recordsAfter(tables, Math.max(start, candidates.to)));
}

function* stepsOf(records: Iterable<Found<number>>): Generator<Step, void, void> {
  for (const found of records) yield { number: found.key, found };
}

/** Yields the conversations that the index has under a time. */
export function* indexed({
  tables,
  nameOf,
  dimension,
  latestFirst,
  position,
  candidates,
}: TimeList<Dimension>): Generator<Placed, void, void> {
  const { id } = dimension;
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
      if (candidates && !mayPass(candidates, number)) {
        yield { place, conversation: undefined };
        continue;
      }
      let detail: string | undefined;
      const conversation = headerOf(
        recordAt(tables.conversations, number),
        nameOf,
        (what) => (detail = what),
      );
      yield { place, conversation, ...(detail !== undefined && { detail }) };
    }
  }
}

/** True unless the index of a filter shows that a conversation does not pass it. */
function mayPass(candidates: Candidates, number: number): boolean {
  if (number > candidates.to) return true;
  const found = candidates.from(number);
  return found.number === number && found.isCandidate;
}
