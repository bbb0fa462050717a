import { type Conversation, present } from '../../../model/index.js';
import type { ConversationPage, ListOrder, ListPosition, ListQuery } from '../../contract/queries.js';
import { equalities, isListed } from '../../shared/records.js';
import { readLabels } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { text, type Row, type Statement, type Value } from '../database/driver.js';
import { headColumns, headFrom } from '../formats/head.js';
import { uuidOf } from '../formats/ids.js';
import { type Label, labelFrom } from '../formats/labels.js';

/** Rows that are read at once for a page: so many at first, then more if few of them pass the filter. */
const [firstRows, mostRows] = [100, 1_000] as const;
const taggedColumns = headColumns
  .split(', ')
  .map((column) => `c.${column}`)
  .join(', ');
const endOfTime = '9223372036854775807';
const beginOfTime = '-9223372036854775808';

interface Ordering {
  readonly column: 'created' | 'stored' | 'updated' | 'expires';
  readonly descending: boolean;
}

const orderings: Readonly<Record<ListOrder, Ordering>> = {
  newestFirst: { column: 'created', descending: true },
  oldestFirst: { column: 'created', descending: false },
  latestStoreFirst: { column: 'stored', descending: true },
  earliestStoreFirst: { column: 'stored', descending: false },
  latestUpdateFirst: { column: 'updated', descending: true },
  earliestUpdateFirst: { column: 'updated', descending: false },
  earliestExpiryFirst: { column: 'expires', descending: false },
};

/** Conversations between two times, from a place in the order on. */
function rowsOf({ column, descending }: Ordering): Statement {
  const direction = descending ? 'desc' : 'asc';
  return {
    name: `list_${column}_${direction}`,
    text: `select ${headColumns} from conv where p = $1 and ${column} >= $2 and ${column} < $3
      and (${column}, cid) ${descending ? '<' : '>'} ($4, $5)
      order by ${column} ${direction}, cid ${direction} limit $6`,
  };
}

/** The same of those that have a value of a label. Tags have create times alone. */
function taggedRowsOf({ descending }: Ordering): Statement {
  const direction = descending ? 'desc' : 'asc';
  return {
    name: `list_tagged_${direction}`,
    text: `select ${taggedColumns} from tag t join conv c on c.p = t.p and c.idh = t.idh
      where t.p = $1 and t.l = $7 and t.h = $8 and t.created >= $2 and t.created < $3
      and (t.created, t.cid) ${descending ? '<' : '>'} ($4, $5)
      order by t.created ${direction}, t.cid ${direction} limit $6`,
  };
}

/**
 * Returns a page. The order of conversations is that of the time and the id of creation: a page of the newest
 * moment may miss what other servers commit late with an earlier time.
 */
export async function listConversations(vault: VaultParts, query: ListQuery): Promise<ConversationPage> {
  const ordering = orderings[query.order];
  const tagged = ordering.column === 'created' ? readyLabel(vault.labels.current, query.filter) : undefined;
  const page = tagged && (await pageOf(vault, query, ordering, tagged));
  return page ?? present(await pageOf(vault, query, ordering, undefined), 'all rows are always there');
}

/** Returns a page; undefined if it was to be read by a label that was removed. */
async function pageOf(
  vault: VaultParts,
  query: ListQuery,
  ordering: Ordering,
  tagged: TaggedBy | undefined,
): Promise<ConversationPage | undefined> {
  const { limit, scanLimit, after, signal } = query;
  const conversations: Conversation[] = [];
  let place = after === undefined ? startOf(ordering) : placeAt(after);
  const rows = new OrderedRows(vault, query, ordering, place, tagged);
  for (let examined = 0; ; examined += 1) {
    const row = await rows.next();
    signal?.throwIfAborted();
    if (rows.isOutdated) return undefined;
    if (!row) return { conversations, next: undefined };
    const isFull = conversations.length >= limit || examined >= scanLimit;
    if (isFull) return { conversations, next: place.join('.') as ListPosition };
    const { conversation } = headFrom(row);
    if (isListed(conversation, query)) conversations.push(conversation);
    place = placeOf(row, ordering);
  }
}

/** A label whose tags lead to all conversations that a filter lets pass, and the hashes of its values. */
interface TaggedBy {
  readonly l: string;
  readonly hashes: readonly string[];
}

/** Most values of a label that are read by its tags: each is an order of its own. */
const valuesMax = 32;

function readyLabel(labels: readonly Label[], filter: ListQuery['filter']): TaggedBy | undefined {
  for (const { field, key, values } of equalities(filter)) {
    const label = field === 'metadata' ? labels.find((each) => each.isReady && each.name === key) : undefined;
    if (label && values.length <= valuesMax) return { l: label.l, hashes: [...new Set(values.map(uuidOf))] };
  }
  return undefined;
}

/** Rows of one partition, or of one value of a label in it, that were read ahead, in order. */
interface Ahead {
  readonly p: number;
  readonly h: string | undefined;
  rows: readonly Row[];
  at: number;
  place: Place;
  /** Rows that are read at once the next time; 0 if there are no more. */
  next: number;
}

/** Rows of all partitions of a vault in one order. */
class OrderedRows {
  #isOutdated = false;
  readonly #statement: Statement;
  readonly #bounds: readonly [string, string];
  readonly #ahead: readonly Ahead[];

  constructor(
    private readonly vault: VaultParts,
    query: ListQuery,
    private readonly ordering: Ordering,
    place: Place,
    private readonly tagged: TaggedBy | undefined,
  ) {
    const { partitions } = vault;
    this.#statement = tagged ? taggedRowsOf(ordering) : rowsOf(ordering);
    this.#bounds = boundsOf(query, ordering);
    const wanted = Math.min(firstRows, query.limit, query.scanLimit);
    const next = Math.ceil(wanted / partitions.count) + 1;
    this.#ahead = partitions.all.flatMap((p) =>
      (tagged?.hashes ?? [undefined]).map((h) => ({ p, h, rows: [], at: 0, place, next })),
    );
  }

  /** True if what was read by a label may lack rows: the label was dropped meanwhile. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  async next(): Promise<Row | undefined> {
    const empty = this.#ahead.filter(({ rows, at, next }) => at === rows.length && next > 0);
    if (empty.length > 0) await this.#fill(empty);
    let first: Ahead | undefined;
    for (const each of this.#ahead)
      if (each.at < each.rows.length && (!first || this.#isBefore(each, first))) first = each;
    const row = first?.rows[first.at];
    if (first && row) {
      first.at += 1;
      first.place = placeOf(row, this.ordering);
    }
    return row;
  }

  /**
   * Reads on in these partitions, in one trip. A label that was ready before the trip, and is when the rows
   * are read, was so all the time: its tags go after it.
   */
  async #fill(empty: readonly Ahead[]): Promise<void> {
    const { database, partitions } = this.vault;
    const { tagged } = this;
    const rows = empty.map(({ p, h, place, next }): [Statement, Value[]] => {
      const values = [p, ...this.#bounds, ...place, next];
      return [this.#statement, tagged ? [...values, tagged.l, h ?? ''] : values];
    });
    const after: [Statement, Value[]][] = tagged ? [[readLabels, [partitions.first]]] : [];
    const answers = await database.queries([...rows, ...after]);
    if (tagged) {
      const labels = (answers[rows.length] ?? []).map(labelFrom);
      this.#isOutdated ||= !labels.some(({ l, isReady }) => l === tagged.l && isReady);
    }
    for (const [index, each] of empty.entries()) {
      each.rows = answers[index] ?? [];
      each.at = 0;
      each.next = each.rows.length < each.next ? 0 : Math.min(mostRows, each.next * 4);
    }
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
