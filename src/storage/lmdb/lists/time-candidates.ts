import type { ConversationFilter } from '../../contract/filter.js';
import { recordsAfter, recordsBefore } from '../conversations/chain.js';
import { firstAtOrAfter, type ListedTables } from '../conversations/listed-records.js';
import type { StringOf } from '../conversations/manifest.js';
import { readState } from '../tables/meta.js';
import { type Cursor, listCursor, unionOf } from './cursors.js';
import { CREATED, type Dimension, EXPIRES, GROUP_RANGE, groupOfTime, UPDATED } from './dimensions.js';
import type { PostingIndex } from './posting-index.js';

/** Entries of a range that are gathered. A range with more is decided by the records. */
const ENTRIES_MAX = 4096;

/** Part of the conversations that a range may have. A larger one leaves out too few to be worth it. */
const PART_MAX = 0.5;

/** Times whose range the list finds by its order. */
export type OrderedTimes = 'created' | 'updated' | undefined;

/** A range of times that a filter asks for: inclusive from, exclusive before. */
interface TimeRange {
  readonly fromMs: number;
  readonly beforeMs: number;
  readonly dimension: Dimension | undefined;
  /** Conversations up to this number, if the dimension does not have them, have their store time. */
  readonly storedMax: number;
}

/** Conversations of a range of times. Those after `to` are not in the index yet. */
export interface InTime {
  readonly to: number;
  readonly cursor: Cursor;
}

/**
 * Returns the conversations of each range of times that a filter asks for, unless they are many. Those whose
 * create time or last change is their store time have consecutive numbers; the index has the others.
 */
export function inTimes(
  tables: ListedTables,
  index: PostingIndex,
  dimensions: readonly Dimension[],
  filter: ConversationFilter,
  { nameOf, ordered }: { readonly nameOf: StringOf; readonly ordered: OrderedTimes },
): InTime[] {
  const last = readState(tables.meta).lastConversation;
  const withId = (wanted: number) => dimensions.find(({ id }) => id === wanted);
  const range = (fromMs: number | undefined, beforeMs: number | undefined, always = false) =>
    fromMs === undefined && beforeMs === undefined && !always
      ? []
      : [{ fromMs: fromMs ?? -Infinity, beforeMs: beforeMs ?? Infinity }];
  const created = withId(CREATED);
  const ranges: TimeRange[] = [
    ...range(filter.createTimeFromMs, filter.createTimeBeforeMs)
      .filter(() => ordered !== 'created')
      .map((each) => ({ ...each, dimension: created, storedMax: created ? created.from - 1 : last })),
    ...range(filter.updateTimeFromMs, filter.updateTimeBeforeMs)
      .filter(() => ordered !== 'updated')
      .map((each) => ({ ...each, dimension: withId(UPDATED), storedMax: last })),
    ...range(filter.expireTimeFromMs, filter.expireTimeBeforeMs, filter.expires === true).map((each) => ({
      ...each,
      dimension: withId(EXPIRES),
      storedMax: 0,
    })),
  ];
  return ranges.flatMap((each) => {
    const stored = storedIn(tables, each, PART_MAX * last, nameOf);
    const entries = stored && entriesIn(index, each);
    return entries ? [{ to: each.dimension?.to ?? last, cursor: unionOf([stored, entries]) }] : [];
  });
}

/** Returns the conversations whose store time is in the range; undefined if they are too many. */
function storedIn(
  tables: ListedTables,
  { fromMs, beforeMs, storedMax }: TimeRange,
  countMax: number,
  nameOf: StringOf,
): Cursor | undefined {
  if (storedMax === 0) return listCursor([]);
  const first = fromMs === -Infinity ? 1 : firstAtOrAfter(tables, fromMs, nameOf);
  const end = beforeMs === Infinity ? Infinity : firstAtOrAfter(tables, beforeMs, nameOf);
  const beyond = Math.min(end, storedMax + 1);
  return beyond - first > countMax ? undefined : recordsCursor(tables, first, beyond);
}

/** Finds the conversations from number `first` on and below `beyond`, also those whose record is lost. */
function recordsCursor(tables: ListedTables, first: number, beyond: number): Cursor {
  return {
    from(number) {
      for (const { key } of recordsAfter(tables, Math.max(number, first) - 1, 1))
        return key < beyond ? key : undefined;
      return undefined;
    },
    upTo(number) {
      for (const { key } of recordsBefore(tables, Math.min(number + 1, beyond), 1))
        return key >= first ? key : undefined;
      return undefined;
    },
  };
}

/** Returns the conversations that the index has in the range; undefined if they are too many. */
function entriesIn(index: PostingIndex, { dimension, fromMs, beforeMs }: TimeRange): Cursor | undefined {
  if (!dimension) return listCursor([]);
  const groupOf = (timeMs: number) => groupOfTime(dimension, Math.min(Math.max(timeMs, 0), GROUP_RANGE));
  const [first, beyond] = [groupOf(fromMs), groupOf(beforeMs)];
  const numbers: number[] = [];
  for (let chunk = first < beyond ? index.chunkAt(first, 0) : undefined; chunk;) {
    for (const [at, group] of chunk.groups.entries()) {
      if (group >= beyond) return listCursor(numbers.sort((a, b) => a - b));
      if (group >= first) numbers.push(chunk.numbers[at]!);
      if (numbers.length > ENTRIES_MAX) return undefined;
    }
    chunk = index.after(chunk);
  }
  return listCursor(numbers.sort((a, b) => a - b));
}
