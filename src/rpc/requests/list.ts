import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { ConversationFilter } from '../../storage/index.js';
import { enumeration, label, optional, optionalId, pageSize, uint64, vaultName } from './fields.js';
import { metadata } from './metadata.js';
import { ordinaryRequest } from './ordinary.js';
import { timestampMs } from './times.js';

/** No conversation is older than 1970: earlier times ask the same as 1970 does. */
const timeMs = timestampMs.transform((timeMs) => Math.max(timeMs, 0));

/** An empty string restricts nothing. */
const filter = z
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
  })
  .transform((fields): ConversationFilter => ({
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
const order = enumeration(['newestFirst', 'newestFirst', 'oldestFirst']);

const schema = z
  .object({
    vault: vaultName,
    filter: filter.nullable(),
    page_size: pageSize,
    page_token: z.string(),
    order,
  })
  .transform(({ vault, filter, page_size, page_token, order }) => ({
    vault,
    filter: filter ?? {},
    order,
    pageSize: page_size,
    pageToken: page_token,
  }));

export const readList = ordinaryRequest('stowken.v1.ListConversationsRequest', schema);
export type ListRequest = ReturnType<typeof readList>;
