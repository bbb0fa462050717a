import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { ConditionField, ConversationFilter, ListOrder } from '../../storage/index.js';
import { RequestDecoder } from '../wire/reader.js';
import {
  items,
  label,
  metadata,
  optional,
  optionalId,
  pageSize,
  timeMs,
  uint64,
  utf8,
  vaultName,
} from './fields.js';
import { schemaRequest, refuse, refuseField } from './parse.js';

/** ConditionField's values by number. */
const conditionFields: readonly (ConditionField | undefined)[] = [
  undefined,
  'application',
  'model',
  'tokenizer',
  'parentId',
  'metadata',
];

const conditionField = z.number().transform((number, context) => {
  const field = conditionFields[number];
  return field ?? refuse(context, `is ${number}, which names no field`, { value: String(number) });
});

const conditionValue = utf8(0, limits.metadataValueBytesMax);

const condition = z
  .object({
    field: conditionField,
    key: utf8(0, limits.metadataKeyBytesMax),
    values: items(conditionValue, limits.conditionValuesMax),
    negated: z.boolean(),
  })
  .check((context) => {
    const { field, key, values } = context.value;
    if (values.length === 0) refuseField(context, 'values', 'is empty', { size: 0, limit: 1 });
    if (field === 'metadata' && key === '') refuseField(context, 'key', 'is empty', { size: 0, limit: 1 });
    if (field !== 'metadata' && key !== '')
      refuseField(context, 'key', 'is given, and only metadata has keys', { value: key });
  });

/** An empty string restricts nothing. */
export const conversationFilter = z
  .object({
    application: label,
    model: label,
    tokenizer: label,
    id_prefix: optionalId,
    create_time_from: optional(timeMs),
    create_time_before: optional(timeMs),
    min_tokens: optional(uint64),
    max_tokens: optional(uint64),
    metadata: metadata(limits.filterMetadataEntriesMax),
    conditions: items(condition, limits.filterConditionsMax),
    update_time_from: optional(timeMs),
    update_time_before: optional(timeMs),
    expire_time_from: optional(timeMs),
    expire_time_before: optional(timeMs),
    expires: optional(z.boolean()),
  })
  .transform((fields): ConversationFilter => ({
    ...(fields.conditions.length > 0 && { conditions: fields.conditions }),
    ...(fields.update_time_from !== undefined && { updateTimeFromMs: fields.update_time_from }),
    ...(fields.update_time_before !== undefined && { updateTimeBeforeMs: fields.update_time_before }),
    ...(fields.expire_time_from !== undefined && { expireTimeFromMs: fields.expire_time_from }),
    ...(fields.expire_time_before !== undefined && { expireTimeBeforeMs: fields.expire_time_before }),
    ...(fields.expires !== undefined && { expires: fields.expires }),
    ...(fields.application !== '' && { application: fields.application }),
    ...(fields.model !== '' && { model: fields.model }),
    ...(fields.tokenizer !== '' && { tokenizer: fields.tokenizer }),
    ...(fields.id_prefix !== '' && { idPrefix: fields.id_prefix }),
    ...(fields.create_time_from !== undefined && { createTimeFromMs: fields.create_time_from }),
    ...(fields.create_time_before !== undefined && { createTimeBeforeMs: fields.create_time_before }),
    ...(fields.min_tokens !== undefined && { tokensMin: fields.min_tokens }),
    ...(fields.max_tokens !== undefined && { tokensMax: fields.max_tokens }),
    ...(Object.keys(fields.metadata).length > 0 && { metadata: fields.metadata }),
  }));

/** ListOrder's values by number. */
const orders: Readonly<Record<number, ListOrder>> = {
  0: 'newestFirst',
  1: 'newestFirst',
  2: 'oldestFirst',
  70: 'latestUpdateFirst',
  71: 'earliestUpdateFirst',
  104: 'latestStoreFirst',
  105: 'earliestStoreFirst',
};

const order = z.number().transform((number, context) => {
  const known = orders[number];
  return known ?? refuse(context, `is ${number}, which is no order of a list`, { value: String(number) });
});

const listSchema = z
  .object({
    vault: vaultName,
    filter: conversationFilter.nullable(),
    page_size: pageSize,
    page_token: z.string(),
    order,
    count: z.boolean(),
  })
  .transform(({ vault, filter, page_size, page_token, order, count }) => ({
    vault,
    count,
    filter: filter ?? {},
    order,
    pageSize: page_size,
    pageToken: page_token,
  }));

const hitsOfSearch = z
  .number()
  .transform((limit) => (limit === 0 ? limits.searchHitsDefault : Math.min(limit, limits.searchHitsMax)));

const searchSchema = z
  .object({
    vault: vaultName,
    filter: optional(conversationFilter),
    text: utf8(1, limits.searchTextBytesMax),
    ignore_case: z.boolean(),
    whole_words: z.boolean(),
    limit: hitsOfSearch,
    page_token: z.string(),
  })
  .transform((request) => ({
    vault: request.vault,
    pageToken: request.page_token,
    input: {
      filter: request.filter ?? {},
      text: request.text,
      ignoreCase: request.ignore_case,
      wholeWords: request.whole_words,
      limit: request.limit,
    },
  }));

export const readSearch = schemaRequest(
  new RequestDecoder('stowken.v1.SearchConversationsRequest'),
  searchSchema,
);
export type SearchRequest = ReturnType<typeof readSearch>;

export const readList = schemaRequest(new RequestDecoder('stowken.v1.ListConversationsRequest'), listSchema);
export type ListRequest = ReturnType<typeof readList>;
