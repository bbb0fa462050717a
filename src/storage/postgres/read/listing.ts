import { type Conversation, present } from '../../../model/index.js';
import type { ConversationPage, ListOrder, ListPosition, ListQuery } from '../../contract/queries.js';
import { isListed } from '../../shared/records.js';
import { readLabels } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { int, text, type Row, type Statement, type Value } from '../database/driver.js';
import { headFrom } from '../formats/head.js';
import { labelFrom } from '../formats/labels.js';
import {
  countOf,
  fewRows,
  indexedRowsOf,
  indexFor,
  kindsMax,
  type ListIndex,
  type Ordering,
  rowsOf,
  sortedRowsOf,
} from './list-indexes.js';

/** Rows that are read at once for a page: so many at first, then more if few of them pass the filter. */
const [firstRows, mostRows] = [100, 1_000] as const;
const endOfTime = '9223372036854775807';
const beginOfTime = '-9223372036854775808';

const orderings: Readonly<Record<ListOrder, Ordering>> = {
  newestFirst: { column: 'created', descending: true },
  oldestFirst: { column: 'created', descending: false },
  latestStoreFirst: { column: 'stored', descending: true },
  earliestStoreFirst: { column: 'stored', descending: false },
  latestUpdateFirst: { column: 'updated', descending: true },
  earliestUpdateFirst: { column: 'updated', descending: false },
  earliestExpiryFirst: { column: 'expires', descending: false },
};

/**
 * Returns a page. The order of conversations is that of the time and the id of creation: a page of the newest
 * moment may miss what other servers commit late with an earlier time.
 */
export async function listConversations(vault: VaultParts, query: ListQuery): Promise<ConversationPage> {
  const ordering = orderings[query.order];
  const index = indexFor(vault.labels.current, query.filter);
  const page = index && (await pageOf(vault, query, ordering, index));
  return page ?? present(await pageOf(vault, query, ordering, undefined), 'all rows are always there');
}

/** Returns a page; undefined if an index turns out to lead to too much, or not to all. */
async function pageOf(
  vault: VaultParts,
  query: ListQuery,
  ordering: Ordering,
  index: ListIndex | undefined,
): Promise<ConversationPage | undefined> {
  const { limit, scanLimit, after, signal } = query;
  const conversations: Conversation[] = [];
  let place = after === undefined ? startOf(ordering) : placeAt(after);
  const rows = new OrderedRows(vault, query, ordering, place, index);
  for (let examined = 0; ; examined += 1) {
    const row = await rows.next();
    signal?.throwIfAborted();
    if (rows.isUnfit) return undefined;
    if (!row) return { conversations, next: undefined };
    const isFull = conversations.length >= limit || examined >= scanLimit;
    if (isFull) return { conversations, next: place.join('.') as ListPosition };
    const { conversation } = headFrom(row);
    if (isListed(conversation, query)) conversations.push(conversation);
    place = placeOf(row, ordering);
  }
}

/** Rows of one partition that were read ahead, in order. */
interface Ahead {
  readonly p: number;
  rows: readonly Row[];
  at: number;
  /** Place of the last of them, after which more are read. */
  place: Place;
  /** Rows that are read at once the next time; 0 if there are no more. */
  next: number;
}

/** A question whose answer may be that an index led to too much, or not to all. */
interface Doubt {
  readonly asked: [Statement, Value[]];
  readonly isUnfit: (rows: readonly Row[]) => boolean;
}

/** Rows of all partitions of a vault in one order. */
class OrderedRows {
  #isUnfit = false;
  readonly #statement: Statement;
  readonly #bounds: readonly [string, string];
  readonly #ahead: readonly Ahead[];

  constructor(
    private readonly vault: VaultParts,
    query: ListQuery,
    private readonly ordering: Ordering,
    place: Place,
    private readonly index: ListIndex | undefined,
  ) {
    const { partitions } = vault;
    const indexed = ordering.column === 'created' ? indexedRowsOf : sortedRowsOf;
    this.#statement = index ? indexed(ordering, index) : rowsOf(ordering);
    this.#bounds = boundsOf(query, ordering);
    const wanted = Math.min(firstRows, query.limit, query.scanLimit);
    const next = Math.ceil(wanted / partitions.count) + 1;
    this.#ahead = partitions.all.map((p) => ({ p, rows: [], at: 0, place, next }));
  }

  /** True if what was read by an index may lack rows: of a label that was dropped, or too many. */
  get isUnfit(): boolean {
    return this.#isUnfit;
  }

  async next(): Promise<Row | undefined> {
    // Partitions run out of rows at about the same time: all that soon will are read on in one trip.
    const left = ({ rows, at }: Ahead) => rows.length - at;
    if (this.#ahead.some((each) => left(each) === 0 && each.next > 0))
      await this.#fill(this.#ahead.filter((each) => each.next > 0 && left(each) <= each.next / 8));
    let first: Ahead | undefined;
    for (const each of this.#ahead)
      if (each.at < each.rows.length && (!first || this.#isBefore(each, first))) first = each;
    const row = first?.rows[first.at];
    if (first) first.at += 1;
    return row;
  }

  /**
   * Reads on in these partitions, in one trip. A label that was ready before the trip, and is when the rows
   * are read, was so all the time: its tags go after it.
   */
  async #fill(empty: readonly Ahead[]): Promise<void> {
    const { index } = this;
    const asked = empty.map(({ p, place, next }): [Statement, Value[]] => [
      this.#statement,
      [p, ...this.#bounds, ...place, next, ...(index?.values ?? [])],
    ]);
    const doubts = index ? this.#doubtsOf(index, empty) : [];
    const answers = await this.vault.database.queries([...asked, ...doubts.map((doubt) => doubt.asked)]);
    for (const [at, { isUnfit }] of doubts.entries())
      this.#isUnfit ||= isUnfit(answers[empty.length + at] ?? []);
    for (const [at, each] of empty.entries()) {
      const more = answers[at] ?? [];
      each.rows = [...each.rows.slice(each.at), ...more];
      each.at = 0;
      each.next = more.length < each.next ? 0 : Math.min(mostRows, each.next * 4);
      const last = more.at(-1);
      if (last) each.place = placeOf(last, this.ordering);
    }
  }

  /** Questions that are asked in the same trip: what was found by an index may lack rows. */
  #doubtsOf(index: ListIndex, empty: readonly Ahead[]): Doubt[] {
    const { l, kinds, values } = index;
    const isReady = (rows: readonly Row[]) =>
      rows.map(labelFrom).some((label) => label.l === l && label.isReady);
    const countIn = (statement: Statement, max: number) =>
      empty.map(({ p }): Doubt => ({
        asked: [statement, [p, ...values]],
        isUnfit: ([row]) => int(row?.['n']) > max,
      }));
    const label: Doubt = {
      asked: [readLabels, [this.vault.partitions.first]],
      isUnfit: (rows) => !isReady(rows),
    };
    return [
      ...(l === undefined ? [] : [label]),
      ...(this.ordering.column === 'created' ? [] : countIn(countOf(index), fewRows)),
      ...(kinds ? countIn(kinds, kindsMax) : []),
    ];
  }

  #isBefore(one: Ahead, other: Ahead): boolean {
    const [ones, others] = [one, other].map(({ rows, at }) => placeOf(rows[at] ?? {}, this.ordering));
    const [time, cid] = [0, 1].map((at) => compareNumbers(ones?.[at] ?? '', others?.[at] ?? ''));
    return this.ordering.descending ? (time || cid || 0) > 0 : (time || cid || 0) < 0;
  }
}

type Place = readonly [time: string, cid: string];

function placeOf(row: Row, { column }: Ordering): Place {
  return [text(row[column]), text(row['cid'])];
}

/** Compares int8 values in decimal. */
function compareNumbers(a: string, b: string): number {
  const [one, other] = [BigInt(a), BigInt(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function startOf({ descending }: Ordering): Place {
  return descending ? [endOfTime, endOfTime] : [beginOfTime, beginOfTime];
}

function placeAt(position: ListPosition): Place {
  const [time = '', cid = ''] = position.split('.');
  return [time, cid];
}

/** Returns the times between which the filter lets conversations pass. */
function boundsOf({ filter }: ListQuery, { column }: Ordering): [string, string] {
  const [fromMs, beforeMs] = {
    created: [filter.createTimeFromMs, filter.createTimeBeforeMs],
    stored: [undefined, undefined],
    updated: [filter.updateTimeFromMs, filter.updateTimeBeforeMs],
    expires: [filter.expireTimeFromMs, filter.expireTimeBeforeMs],
  }[column];
  return [timeOf(fromMs, beginOfTime), timeOf(beforeMs, endOfTime)];
}

/** Times of filters may be infinite, and have fractions. */
function timeOf(ms: number | undefined, otherwise: string): string {
  if (ms === undefined || Math.abs(ms) > 9e15)
    return ms === undefined || ms < 0 === otherwise.startsWith('-')
      ? otherwise
      : ms < 0
        ? beginOfTime
        : endOfTime;
  return String(Math.ceil(ms));
}
