import type { ConversationFilter, ConditionField } from '../../contract/queries.js';
import { equalities } from '../../shared/records.js';
import type { Statement, Value } from '../database/driver.js';
import { headColumns } from '../formats/head.js';
import { uuidOf } from '../formats/ids.js';
import type { Label } from '../formats/labels.js';
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

/** An index whose rows are all those that have one of some values: nothing else passes a filter. */
export interface ListIndex {
  /** Number of the label, if it is that of one. */
  readonly l: string | undefined;
  /** Table and condition of the rows with one value; the index's own parameters begin with this one. */
  readonly of: (value: number, first: number) => string;
  readonly name: string;
  readonly values: readonly Value[];
  readonly count: number;
}

/** Fields with an index of conversations' rows, the more selective first. */
const fields = [
  ['parentId', 'parent'],
  ['metadata', ''],
  ['application', 'app'],
  ['model', 'model'],
  ['tokenizer', 'tok'],
] as const satisfies readonly (readonly [ConditionField, string])[];

/** Returns the index that a filter's conversations are found by; undefined if there is none. */
export function indexFor(labels: readonly Label[], filter: ConversationFilter): ListIndex | undefined {
  const all = equalities(filter).filter(({ values }) => values.length > 0 && values.length <= valuesMax);
  for (const [field, column] of fields) {
    for (const { key, values } of all.filter((each) => each.field === field)) {
      const some = [...new Set(values)];
      if (field !== 'metadata') {
        // The index of forks has no others.
        if (field === 'parentId' && some.includes('')) continue;
        return indexOfColumn(column, some);
      }
      const label = labels.find((each) => each.isReady && each.name === key);
      if (label) return indexOfLabel(label, some);
    }
  }
  return undefined;
}

function indexOfLabel({ l }: Label, values: readonly string[]): ListIndex {
  return {
    l,
    name: 'tagged',
    of: (value, first) => `tag where p = $1 and l = $${first} and h = $${first + 1 + value}`,
    values: [l, ...values.map(uuidOf)],
    count: values.length,
  };
}

function indexOfColumn(column: string, values: readonly string[]): ListIndex {
  const isFork = column === 'parent' ? ' and octet_length(parent) > 0' : '';
  return {
    l: undefined,
    name: column,
    of: (value, first) => `conv where p = $1 and ${column} = $${first + value}${isFork}`,
    values: values.map((value) => Buffer.from(value)),
    count: values.length,
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
export function indexedRowsOf({ descending }: Ordering, { name, of, count }: ListIndex): Statement {
  const direction = descending ? 'desc' : 'asc';
  const ofValue = (_: unknown, value: number) => `(select p, idh, created, cid from ${of(value, orderedFirst)}
      and created >= $2 and created < $3 and (created, cid) ${descending ? '<' : '>'} ($4, $5)
      order by created ${direction}, cid ${direction} limit $6)`;
  return {
    name: `list_${name}_${direction}_${count}`,
    text: `select ${joinedHeadColumns}
      from (${Array.from({ length: count }, ofValue).join(' union all ')}) t
      join conv c on c.p = t.p and c.idh = t.idh where c.p = $1
      order by t.created ${direction}, t.cid ${direction} limit $6`,
  };
}

/** The same in any order, if they are few: they are sorted. */
export function sortedRowsOf({ column, descending }: Ordering, { name, of, count }: ListIndex): Statement {
  const direction = descending ? 'desc' : 'asc';
  const ofValue = (_: unknown, value: number) =>
    `(select p, idh from ${of(value, orderedFirst)} limit ${2 * fewRows})`;
  return {
    name: `list_${name}_${column}_${direction}_${count}`,
    text: `select ${joinedHeadColumns}
      from (${Array.from({ length: count }, ofValue).join(' union all ')}) t
      join conv c on c.p = t.p and c.idh = t.idh
      where c.p = $1 and c.${column} >= $2 and c.${column} < $3
      and (c.${column}, c.cid) ${descending ? '<' : '>'} ($4, $5)
      order by c.${column} ${direction}, c.cid ${direction} limit $6`,
  };
}

/** Number of the rows that an index leads to, as far as they are few. */
export function countOf({ name, of, count }: ListIndex): Statement {
  const ofValue = (_: unknown, value: number) => `(select 1 from ${of(value, 2)} limit ${fewRows + 1})`;
  return {
    name: `list_${name}_count_${count}`,
    text: `select count(*) n from (${Array.from({ length: count }, ofValue).join(' union all ')}) x`,
  };
}
