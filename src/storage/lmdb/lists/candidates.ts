import type { ConversationFilter } from '../../contract/queries.js';
import { equalities } from '../../shared/records.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import { UNINDEXED_MAX } from '../tables/layout.js';
import {
  type Dimension,
  dimensionOf,
  groupOfTokens,
  groupOfValue,
  holdsValues,
  readDimensions,
  tokensIn,
} from './dimensions.js';
import { GroupCursor, PostingIndex } from './posting-index.js';

/** Looks conversations up by number, in either direction. */
interface Cursor {
  from(number: number): number | undefined;
  upTo(number: number): number | undefined;
}

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
    if (number === undefined) return;
    yield { number, isCandidate };
    next = isCandidate ? (newestFirst ? number - 1 : number + 1) : number;
  }
}

/** Ids with a prefix that are gathered; more are no help. */
const IDS_MAX = 1024;

type ListTables = Pick<Tables, 'meta' | 'postings' | 'ids'>;

/**
 * Returns the candidates of a filter; undefined if nothing in it is in the index. Valid for one stretch of
 * reading.
 */
export function candidatesFor(tables: ListTables, filter: ConversationFilter): Candidates | undefined {
  const dimensions = readDimensions(tables.meta);
  const byValue = equalities(filter).flatMap(({ field, key, values }) => {
    const dimension = dimensionOf(dimensions, field, key);
    return dimension && holdsValues(dimension, values)
      ? [{ dimension, groups: () => values.map((value) => groupOfValue(dimension, value)) }]
      : [];
  });
  const index = new PostingIndex(tables.postings);
  const found = [...byValue, ...byTokens(index, dimensions, filter)].filter(
    ({ dimension }) => dimension.to > 0,
  );
  const byId = filter.idPrefix === undefined ? undefined : numbersWithPrefix(tables, filter.idPrefix);
  if (byId) return intersection([sorted(byId)], Infinity);
  if (found.length === 0) return undefined;
  // A dimension that is still being built would leave more to be read than the others find.
  const furthest = Math.max(...found.map(({ dimension }) => dimension.to));
  const used = found.filter(({ dimension }) => dimension.to >= furthest - UNINDEXED_MAX);
  return intersection(
    used.map(({ groups }) => union(index, groups())),
    Math.min(...used.map(({ dimension }) => dimension.to)),
  );
}

interface Alternatives {
  readonly dimension: Dimension;
  /** Returns the groups of which a conversation must be in one. */
  readonly groups: () => readonly number[];
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
  return [{ dimension, groups: () => index.groupsIn(first, last) }];
}

function union(index: PostingIndex, groups: readonly number[]): Cursor {
  const cursors = [...new Set(groups)].map((group) => remembering(new GroupCursor(index, group)));
  const best = (look: (cursor: Cursor) => number | undefined, choose: (...all: number[]) => number) => {
    const numbers = cursors.flatMap((cursor) => look(cursor) ?? []);
    return numbers.length === 0 ? undefined : choose(...numbers);
  };
  return {
    from: (number) => best((cursor) => cursor.from(number), Math.min),
    upTo: (number) => best((cursor) => cursor.upTo(number), Math.max),
  };
}

/** Remembers the last answer in each direction: of many cursors, a step moves few beyond theirs. */
function remembering(cursor: Cursor): Cursor {
  let [fromAsked, fromFound]: [number, number | undefined] = [Infinity, undefined];
  let [upToAsked, upToFound]: [number, number | undefined] = [-Infinity, undefined];
  return {
    from(number) {
      if (number < fromAsked || number > (fromFound ?? Infinity))
        [fromAsked, fromFound] = [number, cursor.from(number)];
      return fromFound;
    },
    upTo(number) {
      if (number > upToAsked || number < (upToFound ?? -Infinity))
        [upToAsked, upToFound] = [number, cursor.upTo(number)];
      return upToFound;
    },
  };
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

function sorted(numbers: readonly number[]): Cursor {
  return {
    from: (number) => numbers.find((each) => each >= number),
    upTo: (number) => numbers.findLast((each) => each <= number),
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
