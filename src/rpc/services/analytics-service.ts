import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ListPosition } from '../../storage/index.js';
import type { SharedSegment, UsageSum, UsesByDayPart, WarmPrefixPart } from '../../vault/index.js';
import { openPageToken, type PageScope, sealPageToken } from '../page-token.js';
import {
  readCountSegmentUses,
  readFindDuplicates,
  readFindSimilar,
  readGetUsage,
  readListSegmentUses,
  readListSharedSegments,
  readListWarmPrefixes,
} from '../requests/index.js';
import { timestamp } from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { encodeDuplicates, encodeSimilar } from './similar.js';
import { type ServiceScope, VaultMethods } from './vault-methods.js';

const usageResponse = new ResponseEncoder('stowken.v1.GetUsageResponse');
const usesResponse = new ResponseEncoder('stowken.v1.ListSegmentUsesResponse');
const usesByDayResponse = new ResponseEncoder('stowken.v1.CountSegmentUsesResponse');
const warmResponse = new ResponseEncoder('stowken.v1.ListWarmPrefixesResponse');
const sharedResponse = new ResponseEncoder('stowken.v1.ListSharedSegmentsResponse');

export function analyticsService(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  return {
    GetUsage: methods.unary(readGetUsage, async (vault, { input }, signal) => {
      const rows = await vault.usage(input, signal);
      return usageResponse.encode({ rows: rows.map(usageFields) });
    }),

    ListSharedSegments: methods.unary(readListSharedSegments, async (vault, { input }, signal) =>
      sharedResponse.encode({ segments: (await vault.sharedSegments(input, signal)).map(sharedFields) }),
    ),

    ListSegmentUses: methods.unary(readListSegmentUses, async (vault, request, signal) => {
      const { hash, limit, pageToken } = request;
      const scope: PageScope = { vaultId: vault.vaultId, query: { uses: hash } };
      const after = pageToken === '' ? {} : { after: openPageToken<ListPosition>(scope, pageToken) };
      const { uses, looked, damaged, next } = await vault.segmentUses({ hash, limit, ...after }, signal);
      return usesResponse.encode({
        uses: uses.map(({ conversationId, createTimeMs, messageIndex, role }) => ({
          conversation_id: conversationId,
          create_time: timestamp(createTimeMs),
          message_index: messageIndex,
          role,
        })),
        next_page_token: next === undefined ? undefined : sealPageToken(scope, next),
        looked_at: looked,
        damaged,
      });
    }),

    CountSegmentUses: methods.stream(
      readCountSegmentUses,
      (vault, { input }, signal) => vault.usesByDay(input, signal),
      ({ looked, damaged, days }: UsesByDayPart) => [
        usesByDayResponse.encode({ looked_at: looked, damaged, days }),
      ],
    ),

    ListWarmPrefixes: methods.stream(
      readListWarmPrefixes,
      (vault, { input }, signal) => vault.warmPrefixes(input, signal),
      (part) => [warmResponse.encode(warmFields(part))],
    ),

    FindSimilar: methods.unary(readFindSimilar, async (vault, { input }, signal) =>
      encodeSimilar(await vault.similar(input, signal)),
    ),

    FindDuplicates: methods.stream(
      readFindDuplicates,
      (vault, { input }, signal) => vault.duplicates(input, signal),
      encodeDuplicates,
    ),
  };
}

function usageFields({ figures, labels, ...fields }: UsageSum) {
  const tokens = figures.systemTokens + figures.userTokens + figures.assistantTokens;
  return {
    ...fields,
    labels,
    conversations: figures.conversations,
    messages: figures.messages,
    tokens,
    system_tokens: figures.systemTokens,
    user_tokens: figures.userTokens,
    assistant_tokens: figures.assistantTokens,
    new_tokens: figures.newTokens,
    repeated_tokens: Math.max(0, tokens - figures.newTokens),
    prefix_tokens: figures.prefixTokens,
    stored_bytes: figures.storedBytes,
  };
}

function warmFields(part: WarmPrefixPart) {
  if (part.kind === 'tokens') return { tokens_le32: part.le32 };
  return {
    prefix: {
      application: part.application,
      token_count: part.tokens,
      conversations: part.conversations,
      conversation_id: part.id,
      last_use_time: timestamp(part.newestMs),
    },
  };
}

function sharedFields(segment: SharedSegment) {
  const { hash, tokenCount, references, tokensSaved, firstMs, lastMs, holder, text } = segment;
  return {
    hash,
    token_count: tokenCount,
    references,
    tokens_saved: tokensSaved,
    role: holder?.role,
    conversation_id: holder?.conversationId,
    text,
    first_use_time: firstMs === undefined ? undefined : timestamp(firstMs),
    last_use_time: lastMs === undefined ? undefined : timestamp(lastMs),
  };
}
