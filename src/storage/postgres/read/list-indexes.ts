import type { ConversationFilter, ConditionField } from '../../contract/filter.js';
import { equalities } from '../../shared/records.js';
import type { Statement, Value } from '../database/driver.js';
import { headColumns } from '../formats/head.js';
import { uuidOf } from '../formats/ids.js';
import type { Label } from '../formats/labels.js';
import { anyConversation } from '../schema/kinds.js';
import { isChanged, isUnchanged } from '../schema/times.js';

/** Columns of a conversation's row, in a join. */
export const joinedHeadColumns = headColumns
  .split(', ')
  .map((column) => `c.${column}`)
  .join(', ');

export interface Ordering {
  readonly column: 'created' | 'stored' | 'updated' | 'expires';
  readonly descending: boolean;
}

/** Rows that an index leads to, above which they are not sorted: the order's own index is gone along. */
export const fewRows = 2_000;
/** Most values that rows are found by. */
const valuesMax = 32;

/** Kinds of conversations above which an index by kind is left: each has an order of its own. */
export const kindsMax = 256;

/** An index whose rows are all those that have one of some values: nothing else passes a filter. */
export interface ListIndex {
  /** Number of the label, if it is that of one. */
  readonly l: string | undefined;
  /**
   * Selects a column of the rows that it leads to. The index's own parameters begin with `first`; `within`
   * limits, and orders, the rows of each value.
   */
  readonly rows: (column: string, first: number, within: string) => string;
  readonly name: string;
  readonly values: readonly Value[];
  /** Counts the kinds, if it is an index of them. */
  readonly kinds: Statement | undefined;
}

/** Fields with an index of conversations' rows by all three. */
const kindColumns: ReadonlyMap<ConditionField, string> = new Map([
  ['application', 'app'],
  ['model', 'model'],
  ['tokenizer', 'tok'],
]);

/** Returns the index that a filter's conversations are found by; undefined if there is none. */
export function indexFor(labels: readonly Label[], filter: ConversationFilter): ListIndex | undefined {
  const all = equalities(filter).filter(({ values }) => values.length > 0 && values.length <= valuesMax);
  // The more selective come first. The index of forks has no others.
  const parent = all.find(({ field, values }) => field === 'parentId' && !values.includes(''));
  if (parent) return indexOfParents([...new Set(parent.values)]);
  for (const { field, key, values } of all) {
    const label = labels.find((each) => each.isReady && each.name === key);
    if (field === 'metadata' && label) return indexOfLabel(label, [...new Set(values)]);
  }
  // Conditions about one field are one: a database tells statements apart by 63 characters of their names.
  const conditions = [...kindColumns].flatMap(([field, column]) => {
    const [first, ...others] = all.filter((each) => each.field === field);
    if (!first) return [];
    const isInAll = (value: string) => others.every(({ values }) => values.includes(value));
    return [{ column, values: first.values.filter(isInAll) }];
  });
  return conditions.length === 0 ? undefined : indexOfKinds(conditions);
}

function indexOfLabel({ l }: Label, values: readonly string[]): ListIndex {
  const of = (first: number) => (value: number) =>
    `tag where p = $1 and l = $${first} and h = $${first + 1 + value}`;
  return {
    ...{ l, kinds: undefined, name: `tagged_${values.length}` },
    rows: (column, first, within) => unionOf(values, column, of(first), within),
    values: [l, ...values.map(uuidOf)],
  };
}

function indexOfParents(values: readonly string[]): ListIndex {
  const of = (first: number) => (value: number) =>
    `conv where p = $1 and parent = $${first + value} and octet_length(parent) > 0`;
  return {
    ...{ l: undefined, kinds: undefined, name: `parent_${values.length}` },
    rows: (column, first, within) => unionOf(values, column, of(first), within),
    values: values.map((value) => Buffer.from(value)),
  };
}

/** Rows of each value, from a table with a condition. */
function unionOf(
  values: readonly string[],
  column: string,
  of: (value: number) => string,
  within: string,
): string {
  return values.map((_, value) => `(select ${column} from ${of(value)}${within})`).join(' union all ');
}

/**
 * The kinds of which all fields are such as they should be, and the rows of each. A number that several kinds
 * share leads to the rows of all: their fields are compared.
 */
function indexOfKinds(
  conditions: readonly { readonly column: string; readonly values: readonly string[] }[],
): ListIndex {
  const kinds = (first: number) => {
    const all = conditions.map(({ column }, at) => ` and f.${column} = any($${first + at}::bytea[])`);
    return `(select f.kind, f.app, f.model, f.tok from kind f where f.p = $1${all.join('')}
      limit ${kindsMax + 1})`;
  };
  const name = `kinds_${conditions.map(({ column }) => column).join('_')}`;
  return {
    ...{ l: undefined, name },
    kinds: { name: `list_${name}_all`, text: `select count(*) n from ${kinds(2)} f` },
    rows: (column, first, within) => `select unnest(array(
        select x.${column} from conv x where x.p = $1 and x.kind = f.kind and x.app = f.app
          and x.model = f.model and x.tok = f.tok and ${anyConversation}${within})) ${column}
      from ${kinds(first)} f`,
    values: conditions.map(({ values }) => [...new Set(values)].map((value) => Buffer.from(value))),
  };
}

/** First parameter of an index in statements that have an order. */
const orderedFirst = 7;

/**
 * Conversations between two times, from a place in the order on. Those with one time alone have an index of
 * their own, whatever the order is; as many rows of either kind are read.
 */
export function rowsOf({ column, descending }: Ordering): Statement {
  const direction = descending ? 'desc' : 'asc';
  const rows = (time: string, condition: string) => `select ${headColumns} from conv where p = $1
      and ${time} >= $2 and ${time} < $3 and (${time}, cid) ${descending ? '<' : '>'} ($4, $5)${condition}
      order by ${time} ${direction}, cid ${direction} limit $6`;
  const text =
    column === 'expires'
      ? rows(column, '')
      : `select ${headColumns} from (
      (${rows('created', ` and ${isUnchanged}`)})
      union all
      (${rows(column, ` and ${isChanged}`)})) c
      order by ${column} ${direction}, cid ${direction} limit $6`;
  return { name: `list_${column}_${direction}`, text };
}

/**
 * The same of those that an index leads to, by their create times: each value has an order of its own, of
 * which as many rows are read.
 */
export function indexedRowsOf({ descending }: Ordering, { name, rows }: ListIndex): Statement {
  const direction = descending ? 'desc' : 'asc';
  const page = ` and created >= $2 and created < $3 and (created, cid) ${descending ? '<' : '>'} ($4, $5)
      order by created ${direction}, cid ${direction} limit $6`;
  return {
    name: `list_${name}_${direction}`,
    text: `select ${joinedHeadColumns} from (${rows('idh', orderedFirst, page)}) t
      join conv c on c.idh = t.idh where c.p = $1
      order by c.created ${direction}, c.cid ${direction} limit $6`,
  };
}

/** The same in any order, if they are few: they are sorted. */
export function sortedRowsOf({ column, descending }: Ordering, { name, rows }: ListIndex): Statement {
  const direction = descending ? 'desc' : 'asc';
  return {
    name: `list_${name}_${column}_${direction}`,
    text: `select ${joinedHeadColumns} from (${rows('idh', orderedFirst, ` limit ${2 * fewRows}`)}) t
      join conv c on c.idh = t.idh
      where c.p = $1 and c.${column} >= $2 and c.${column} < $3
      and (c.${column}, c.cid) ${descending ? '<' : '>'} ($4, $5)
      order by c.${column} ${direction}, c.cid ${direction} limit $6`,
  };
}

/** Number of the rows that an index leads to, as far as they are few. */
export function countOf({ name, rows }: ListIndex): Statement {
  return {
    name: `list_${name}_count`,
    text: `select count(*) n from (${rows('cid', 2, ` limit ${fewRows + 1}`)}) x`,
  };
}
