import type { ConversationFilter } from '../../contract/filter.js';
import { equalities } from '../../shared/records.js';
import type { ListedTables } from '../conversations/listed-records.js';
import type { StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import { UNINDEXED_MAX } from '../tables/layout.js';
import { type Cursor, groupsCursor, listCursor } from './cursors.js';
import {
  type Dimension,
  dimensionOf,
  groupOfTokens,
  groupOfValue,
  holdsValues,
  readDimensions,
  tokensIn,
} from './dimensions.js';
import { type PostingIndex, RememberingPostingIndex } from './posting-index.js';
import { inTimes, type OrderedTimes } from './time-candidates.js';

/** Conversations that may pass a filter, found by the list index. */
export interface Candidates {
  /** Conversations up to this number are found; later ones are not in the index yet. */
  readonly to: number;
  /** Returns the next candidate from a number on, or up to it: none that passes the filter is left out. */
  from(number: number): Step;
  upTo(number: number): Step;
}

/** A candidate, or a number at which to go on: the steps of a long search count as looks. */
export interface Step {
  /** Undefined: there is none any more. */
  readonly number: number | undefined;
  /** False: it may not be a candidate; the search goes on from it. */
  readonly isCandidate: boolean;
}

/** Numbers are keys of 32 bits. */
const NUMBER_MAX = 2 ** 32 - 1;

/** Yields the steps of a search for candidates beyond a number, in the order of numbers or against it. */
export function* candidatesBeyond(
  candidates: Candidates,
  position: number,
  newestFirst: boolean,
): Generator<{ readonly number: number; readonly isCandidate: boolean }, void, void> {
  const numberMax = Math.min(candidates.to, NUMBER_MAX);
  let next = newestFirst ? Math.min(position - 1, numberMax) : position + 1;
  while (next > 0 && next <= numberMax) {
    const { number, isCandidate } = newestFirst ? candidates.upTo(next) : candidates.from(next);
    // Ranges of store times also have later ones, which are read beside the candidates.
    if (number === undefined || number > numberMax) return;
    yield { number, isCandidate };
    next = isCandidate ? (newestFirst ? number - 1 : number + 1) : number;
  }
}

/** Ids with a prefix that are gathered; more are no help. */
const IDS_MAX = 1024;

/**
 * Returns the candidates of a filter; undefined if nothing in it is in the index. Valid for one stretch of
 * reading. `ordered`: times whose range the list finds by its order.
 */
export function candidatesFor(
  tables: ListedTables,
  filter: ConversationFilter,
  list: { readonly nameOf: StringOf; readonly ordered: OrderedTimes },
): Candidates | undefined {
  const byId = filter.idPrefix === undefined ? undefined : numbersWithPrefix(tables, filter.idPrefix);
  if (byId) return intersection([listCursor(byId)], Infinity);
  const dimensions = readDimensions(tables.meta);
  const index = new RememberingPostingIndex(tables.postings);
  const byValue = equalities(filter).flatMap(({ field, key, values }): Alternatives[] => {
    const dimension = dimensionOf(dimensions, field, key);
    if (!dimension || !holdsValues(dimension, values)) return [];
    const groups = () => values.map((value) => groupOfValue(dimension, value));
    return [{ to: dimension.to, cursor: () => groupsCursor(index, groups()) }];
  });
  const byTime = inTimes(tables, index, dimensions, filter, list).map(({ to, cursor }): Alternatives => ({
    to,
    cursor: () => cursor,
  }));
  const found = [...byValue, ...byTokens(index, dimensions, filter), ...byTime].filter(({ to }) => to > 0);
  if (found.length === 0) return undefined;
  // A dimension that is still being built would leave more to be read than the others find.
  const furthest = Math.max(...found.map(({ to }) => to));
  const used = found.filter(({ to }) => to >= furthest - UNINDEXED_MAX);
  return intersection(
    used.map(({ cursor }) => cursor()),
    Math.min(...used.map(({ to }) => to)),
  );
}

/** Conversations that one condition of a filter leaves. Those after `to` are not in the index yet. */
interface Alternatives {
  readonly to: number;
  readonly cursor: () => Cursor;
}

/** Returns nothing if the filter asks for no range of token counts, or for one with all classes in it. */
function byTokens(
  index: PostingIndex,
  dimensions: readonly Dimension[],
  { tokensMin, tokensMax = Infinity }: ConversationFilter,
): Alternatives[] {
  const dimension = tokensIn(dimensions);
  const first = groupOfTokens(Math.max(0, tokensMin ?? 0));
  const last = groupOfTokens(Math.min(Math.max(0, tokensMax), Number.MAX_SAFE_INTEGER));
  if (!dimension || (first === groupOfTokens(0) && tokensMax === Infinity)) return [];
  return [{ to: dimension.to, cursor: () => groupsCursor(index, index.groupsIn(first, last)) }];
}

/** Each cursor is moved to the number that the others have reached, until all agree. */
function intersection(cursors: readonly Cursor[], to: number): Candidates {
  const step = (number: number, look: (cursor: Cursor, number: number) => number | undefined): Step => {
    let reached = number;
    for (const cursor of cursors) {
      const next = look(cursor, reached);
      if (next === undefined) return { number: undefined, isCandidate: false };
      reached = next;
    }
    const isCandidate = cursors.every((cursor) => look(cursor, reached) === reached);
    return { number: reached, isCandidate };
  };
  return {
    to,
    from: (number) => step(number, (cursor, from) => cursor.from(from)),
    upTo: (number) => step(number, (cursor, upTo) => cursor.upTo(upTo)),
  };
}

/** Returns the conversations whose ids begin so, by number; undefined if they are very many. */
function numbersWithPrefix(tables: Pick<Tables, 'ids'>, prefix: string): number[] | undefined {
  const beginning = Buffer.from(prefix, 'utf8');
  const numbers: number[] = [];
  for (const { key, number } of new KeyIndex(tables.ids).from(beginning)) {
    if (!key.subarray(0, beginning.length).equals(beginning)) break;
    if (numbers.length === IDS_MAX) return undefined;
    numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}
