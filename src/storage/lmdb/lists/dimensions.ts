import { createHash } from 'node:crypto';
import { type Conversation, isDated, StowkenError } from '../../../model/index.js';
import type { ConditionField } from '../../contract/filter.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { valueOf } from '../../shared/records.js';
import type { Table } from '../tables/table.js';
import { tokenClassOf } from './token-classes.js';

/** Key in `meta` of the dimensions by which lists find conversations. */
export const DIMENSIONS_KEY = 4;

/** Numbers of a dimension's groups, all below this; a group of the index is dimension * this + group. */
export const GROUP_RANGE = 2 ** 48;

/** Dimensions that every vault has, by their numbers. */
const fixedFields = { 1: 'application', 2: 'model', 3: 'tokenizer', 4: 'parentId' } as const;
/** Dimension of the conversations that were changed since their creation, by the time of the last change. */
export const UPDATED = 5;
/** Dimension of the conversations that expire, by that time. */
export const EXPIRES = 6;
/**
 * Dimension of conversations by their create times. A vault has it once a conversation has a create time of
 * its own. Until then, and below that conversation, the order of numbers is the order of create times.
 */
export const CREATED = 7;
/** Numbers of new labels' dimensions. */
const FIRST_LABEL = 8;
const LAST_LABEL = 30;
/**
 * Dimension of all conversations by the class of their token counts. In a vault that was written before there
 * was one, a label may have this number; such a vault gets the dimension once that label has been removed.
 */
const TOKENS = 31;

/** A field by which lists find conversations. */
export interface Dimension {
  readonly id: number;
  /** Metadata key of a label; empty for other dimensions. */
  readonly key: string;
  /**
   * CREATED alone: it has all conversations from this number on, and those before that have a create time of
   * their own. 0 for other dimensions.
   */
  readonly from: number;
  /** Conversations up to this number are in the index; later ones are not. */
  readonly to: number;
  /** True: it is no label any more, and its entries are being removed. */
  readonly dropped: boolean;
}

const fixedIds: readonly number[] = [...Object.keys(fixedFields).map(Number), UPDATED, EXPIRES, TOKENS];
const fixed: readonly Dimension[] = fixedIds.map((id) => ({ id, key: '', from: 0, to: 0, dropped: false }));

/** Returns the dimensions of a vault, by number. @throws StowkenError CORRUPT_STORE */
export function readDimensions(meta: Table<number>): readonly Dimension[] {
  const record = meta.get(DIMENSIONS_KEY);
  if (!record) return fixed;
  const stored = decodeDimensions(record);
  // A vault that was written before a dimension was there gets it now.
  const missing = fixed.filter(({ id }) => !stored.some((each) => each.id === id));
  return missing.length === 0 ? stored : [...stored, ...missing].sort((a, b) => a.id - b.id);
}

export function writeDimensions(meta: Table<number>, dimensions: readonly Dimension[]): void {
  const writer = new ByteWriter();
  for (const { id, key, from, to, dropped } of dimensions)
    writer
      .byte(id)
      .byte(dropped ? 1 : 0)
      .varint(to)
      .text(id === CREATED ? String(from) : key);
  meta.put(DIMENSIONS_KEY, writer.finish());
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeDimensions(record: Uint8Array): Dimension[] {
  const reader = new ByteReader(record);
  const dimensions: Dimension[] = [];
  while (!reader.atEnd) {
    const id = reader.byte();
    if (id === 0 || id > TOKENS) throw new StowkenError('CORRUPT_STORE', `there is no dimension ${id}`);
    const [dropped, to, text] = [reader.byte() === 1, reader.varint(), reader.text()];
    const isCreated = id === CREATED;
    dimensions.push({ id, dropped, to, key: isCreated ? '' : text, from: isCreated ? Number(text) : 0 });
  }
  return dimensions;
}

/** Returns the metadata keys that are labels. */
export function labelsIn(dimensions: readonly Dimension[]): string[] {
  return dimensions.filter((each) => isLabel(each) && !each.dropped).map(({ key }) => key);
}

function isLabel({ id, key }: Pick<Dimension, 'id' | 'key'>): boolean {
  return id >= FIRST_LABEL && key !== '';
}

/** Returns the dimension of token counts; undefined if the vault has none yet. */
export function tokensIn(dimensions: readonly Dimension[]): Dimension | undefined {
  return dimensions.find((each) => each.id === TOKENS && !isLabel(each) && !each.dropped);
}

/**
 * Returns the dimensions with these labels. A label that is new gets a number that no other has, also none
 * that is being removed.
 */
export function withLabels(dimensions: readonly Dimension[], labels: readonly string[]): Dimension[] {
  const kept = dimensions.map((each) =>
    isLabel(each) && !labels.includes(each.key) ? { ...each, dropped: true } : each,
  );
  const known = labelsIn(kept);
  const free = Array.from({ length: LAST_LABEL - FIRST_LABEL + 1 }, (_, at) => FIRST_LABEL + at).filter(
    (id) => !kept.some((each) => each.id === id),
  );
  const added = labels.filter((label) => !known.includes(label));
  if (added.length > free.length)
    throw new StowkenError('OVERLOADED', 'labels that were removed are still in the index; try again later', {
      limit: String(LAST_LABEL - FIRST_LABEL + 1),
    });
  return [...kept, ...added.map((key, at) => ({ id: free[at]!, key, from: 0, to: 0, dropped: false }))].sort(
    (a, b) => a.id - b.id,
  );
}

/** Returns the dimension of a field; undefined if there is none. */
export function dimensionOf(
  dimensions: readonly Dimension[],
  field: ConditionField,
  key: string,
): Dimension | undefined {
  return dimensions.find(
    (each) =>
      !each.dropped &&
      (field === 'metadata'
        ? isLabel(each) && each.key === key
        : fixedFields[each.id as keyof typeof fixedFields] === field),
  );
}

/**
 * Returns the group of a value: values may be long, and very many, so a group is named by the first 32 bits
 * of the value's hash. Whoever reads a group compares the values.
 */
export function groupOfValue({ id }: Pick<Dimension, 'id'>, value: string): number {
  return id * GROUP_RANGE + createHash('sha256').update(value, 'utf8').digest().readUInt32BE(0);
}

/** Returns groupOfValue with a memory: most of many conversations have values that others have too. */
export function rememberedGroups(): typeof groupOfValue {
  const known = new Map<string, number>();
  return ({ id }, value) => {
    const name = `${id} ${value}`;
    let group = known.get(name);
    if (group === undefined) known.set(name, (group = groupOfValue({ id }, value)));
    return group;
  };
}

/** Returns the group of so many tokens, which that of a larger count is never below. */
export function groupOfTokens(tokens: number): number {
  return TOKENS * GROUP_RANGE + tokenClassOf(tokens);
}

export function groupOfTime({ id }: Pick<Dimension, 'id'>, timeMs: number): number {
  return id * GROUP_RANGE + timeMs;
}

/** Returns the dimension of create times. It has all conversations from a number on. */
export function createdDimension(from: number): Dimension {
  return { id: CREATED, key: '', from, to: from - 1, dropped: false };
}

/**
 * Returns the group under which a dimension has a conversation of this number; undefined if it does not have
 * it.
 */
export function groupOf(
  dimension: Dimension,
  number: number,
  conversation: Conversation,
  groupOfEach = groupOfValue,
): number | undefined {
  const { id, key } = dimension;
  if (id === UPDATED) {
    const { storeTimeMs, updateTimeMs } = conversation;
    return updateTimeMs === storeTimeMs ? undefined : groupOfTime(dimension, updateTimeMs);
  }
  if (id === CREATED) {
    const hasIt = number >= dimension.from || isDated(conversation);
    return hasIt ? groupOfTime(dimension, conversation.createTimeMs) : undefined;
  }
  if (id === EXPIRES) {
    const { expireTimeMs } = conversation;
    return expireTimeMs === undefined ? undefined : groupOfTime(dimension, expireTimeMs);
  }
  if (isLabel(dimension)) {
    const value = valueOf(conversation, 'metadata', key);
    return value === undefined ? undefined : groupOfEach(dimension, value);
  }
  if (id === TOKENS) return groupOfTokens(conversation.totalTokens);
  const value = conversation[fixedFields[id as keyof typeof fixedFields]];
  return value === '' ? undefined : groupOfEach(dimension, value);
}

/** True if every conversation with one of these values is in the dimension, up to its last number. */
export function holdsValues(dimension: Dimension, values: readonly string[]): boolean {
  return isLabel(dimension) || !values.includes('');
}
