import type { Conversation } from '../../../model/index.js';
import type { ConversationPage, ListOrder, ListPosition, ListQuery } from '../../contract/queries.js';
import { isListed } from '../../shared/records.js';
import type { VaultParts } from '../commit/parts.js';
import { text, type Row, type Statement } from '../database/driver.js';
import { headColumns, headFrom } from '../formats/head.js';

/** Rows that are read at once for a page: so many at first, then more if few of them pass the filter. */
const [firstRows, mostRows] = [100, 1_000] as const;
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
function pageOf({ column, descending }: Ordering): Statement {
  const direction = descending ? 'desc' : 'asc';
  return {
    name: `list_${column}_${direction}`,
    text: `select ${headColumns} from conv where p = $1 and ${column} >= $2 and ${column} < $3
      and (${column}, cid) ${descending ? '<' : '>'} ($4, $5)
      order by ${column} ${direction}, cid ${direction} limit $6`,
  };
}

/**
 * Returns a page. The order of conversations is that of the time and the id of creation: a page of the newest
 * moment may miss what other servers commit late with an earlier time.
 */
export async function listConversations(
  { database, p }: VaultParts,
  query: ListQuery,
): Promise<ConversationPage> {
  const { limit, scanLimit, order, after, signal } = query;
  const ordering = orderings[order];
  const statement = pageOf(ordering);
  const [fromMs, beforeMs] = boundsOf(query, ordering);
  const conversations: Conversation[] = [];
  let place = after === undefined ? startOf(ordering) : placeAt(after);
  for (let examined = 0; ;) {
    const left = scanLimit - examined;
    const wanted = Math.min(left + 1, examined === 0 ? Math.min(firstRows, limit + 1) : mostRows);
    const rows = await database.query(statement, [p, fromMs, beforeMs, ...place, wanted]);
    signal?.throwIfAborted();
    for (const row of rows) {
      const isFull = conversations.length >= limit || examined >= scanLimit;
      if (isFull) return { conversations, next: place.join('.') as ListPosition };
      const { conversation } = headFrom(row);
      if (isListed(conversation, query)) conversations.push(conversation);
      place = placeOf(row, ordering);
      examined += 1;
    }
    if (rows.length < wanted) return { conversations, next: undefined };
  }
}

type Place = readonly [time: string, cid: string];

function placeOf(row: Row, { column }: Ordering): Place {
  return [text(row[column]), text(row['cid'])];
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
