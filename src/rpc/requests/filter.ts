import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { ConversationFilter } from '../../storage/index.js';
import { label, optional, optionalId, uint64 } from './fields.js';
import { metadata } from './metadata.js';
import { timestampMs } from './times.js';

/** No conversation is older than 1970: earlier times ask the same as 1970 does. */
const timeMs = timestampMs.transform((timeMs) => Math.max(timeMs, 0));

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
