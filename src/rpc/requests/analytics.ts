import { z } from 'zod';
import { isSegmentHash, limits, StowkenError } from '../../model/index.js';
import {
  type DuplicatesInput,
  type SimilarInput,
  type SimilarTarget,
  type UsageField,
  usageFields,
} from '../../vault/index.js';
import { RequestDecoder } from '../wire/reader.js';
import { readFindSimilarRequest } from '../wire/token-requests.js';
import { conversationFilter } from './conversation-lists.js';
import {
  enumeration,
  items,
  label,
  optional,
  optionalId,
  countUpTo,
  pageSize,
  segmentHash,
  timestampMs,
  uint64,
  utf8,
  vaultName,
} from './fields.js';
import { checkFieldsSize, parse, refuse, schemaRequest } from './parse.js';

const usageField = z.string().transform((text, context): UsageField => {
  const field = usageFields.find((each) => each === text);
  return field ?? refuse(context, `is none of ${usageFields.join(', ')}`, { value: text.slice(0, 100) });
});

export const readGetUsage = schemaRequest(
  new RequestDecoder('stowken.v1.GetUsageRequest'),
  z
    .object({
      vault: vaultName,
      group_by: items(usageField, usageFields.length),
      labels: items(utf8(1, limits.metadataKeyBytesMax), limits.labelsMax),
      start_time: optional(timestampMs),
      end_time: optional(timestampMs),
      time_zone: label,
    })
    .transform(({ vault, group_by, labels, start_time, end_time, time_zone }) => ({
      vault,
      input: {
        groupBy: group_by,
        labels,
        fromMs: Math.max(0, start_time ?? 0),
        beforeMs: end_time ?? Number.MAX_SAFE_INTEGER,
        timeZone: time_zone,
      },
    })),
);

/** SharedSegmentOrder's values by number. */
const order = enumeration(['tokensSaved', 'tokensSaved', 'references']);

export const readListSharedSegments = schemaRequest(
  new RequestDecoder('stowken.v1.ListSharedSegmentsRequest'),
  z
    .object({ vault: vaultName, order, page_size: pageSize })
    .transform(({ vault, order, page_size }) => ({ vault, input: { order, limit: page_size } })),
);

export const readListSegmentUses = schemaRequest(
  new RequestDecoder('stowken.v1.ListSegmentUsesRequest'),
  z
    .object({ vault: vaultName, segment_hash: segmentHash, page_size: pageSize, page_token: utf8(0, 4096) })
    .transform(({ vault, segment_hash, page_size, page_token }) => ({
      vault,
      hash: segment_hash,
      limit: page_size,
      pageToken: page_token,
    })),
);

export const readCountSegmentUses = schemaRequest(
  new RequestDecoder('stowken.v1.CountSegmentUsesRequest'),
  z
    .object({ vault: vaultName, segment_hash: segmentHash, time_zone: label })
    .transform(({ vault, segment_hash, time_zone }) => ({
      vault,
      input: { hash: segment_hash, timeZone: time_zone },
    })),
);

export const readListWarmPrefixes = schemaRequest(
  new RequestDecoder('stowken.v1.ListWarmPrefixesRequest'),
  z
    .object({
      vault: vaultName,
      application: label,
      create_time_from: optional(timestampMs),
      min_tokens: uint64,
      page_size: pageSize,
      without_tokens: z.boolean(),
    })
    .transform(({ vault, application, create_time_from, min_tokens, page_size, without_tokens }) => ({
      vault,
      input: {
        application: application === '' ? undefined : application,
        createdFromMs: Math.max(0, create_time_from ?? 0),
        tokensMin: min_tokens,
        limit: page_size,
        withoutTokens: without_tokens,
      },
    })),
);

/** A similarity from the minimum to 1; the default if 0. */
function threshold(percentMin: number) {
  return z.number().transform((value, context) => {
    const given = value === 0 ? limits.similarPercentDefault / 100 : value;
    if (given > 0 && given >= percentMin / 100 && given <= 1) return given;
    const least = percentMin === 0 ? 'above 0' : `${percentMin / 100}`;
    return refuse(context, `is ${value}; it has to be ${least} to 1`, { value: String(value) });
  });
}

const similarSchema = z
  .object({
    vault: vaultName,
    tokenizer: label,
    conversation_id: optionalId,
    segment_hash: z
      .string()
      .refine((text) => text === '' || isSegmentHash(text), 'is not a SHA-256 in 64 lower-case hex digits'),
    threshold: threshold(0),
    filter: conversationFilter.nullable(),
    order: enumeration(['similarity', 'similarity', 'newest']),
    page_size: pageSize,
  })
  .transform((request) => ({
    vault: request.vault,
    tokenizer: request.tokenizer,
    id: request.conversation_id,
    hash: request.segment_hash,
    input: {
      threshold: request.threshold,
      filter: request.filter ?? {},
      order: request.order,
      limit: request.page_size,
    },
  }));

const findSimilarCodec = new RequestDecoder('stowken.v1.FindSimilarRequest');

export interface FindSimilarRequest {
  readonly vault: string;
  readonly input: SimilarInput;
}

export async function readFindSimilar(bytes: Buffer, signal: AbortSignal): Promise<FindSimilarRequest> {
  const { fields, content } = await readFindSimilarRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, tokenizer, id, hash, input } = parse(similarSchema, findSimilarCodec.decode(fields));
  const targets: SimilarTarget[] = [
    ...(id === '' ? [] : [{ kind: 'conversation' as const, id }]),
    ...(isSegmentHash(hash) ? [{ kind: 'segment' as const, hash }] : []),
    ...(content.kind === 'none' ? [] : [{ kind: 'content' as const, content, tokenizer }]),
  ];
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    const sentence = `${targets.length} of conversation_id, segment_hash and content are given; it has to be 1`;
    throw new StowkenError('INVALID_FIELD', sentence, { field: 'conversation_id' });
  }
  return { vault, input: { ...input, target } };
}

export interface FindDuplicatesRequest {
  readonly vault: string;
  readonly input: DuplicatesInput;
}

export const readFindDuplicates = schemaRequest(
  new RequestDecoder('stowken.v1.FindDuplicatesRequest'),
  z
    .object({
      vault: vaultName,
      filter: conversationFilter.nullable(),
      threshold: threshold(limits.duplicatesPercentMin),
      page_size: countUpTo(limits.duplicatesKeptMax),
    })
    .transform(({ vault, filter, threshold, page_size }): FindDuplicatesRequest => ({
      vault,
      input: { filter: filter ?? {}, threshold, limit: page_size },
    })),
);
