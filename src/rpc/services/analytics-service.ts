import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { SharedSegment, UsageSum } from '../../vault/index.js';
import {
  readFindDuplicates,
  readFindSimilar,
  readGetUsage,
  readListSharedSegments,
} from '../requests/index.js';
import { timestamp } from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { encodeDuplicates, encodeSimilar } from './similar.js';
import { type ServiceScope, VaultMethods } from './vault-methods.js';

const usageResponse = new ResponseEncoder('stowken.v1.GetUsageResponse');
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

function sharedFields({ hash, tokenCount, references, tokensSaved, use, text }: SharedSegment) {
  return {
    hash,
    token_count: tokenCount,
    references,
    tokens_saved: tokensSaved,
    role: use?.role,
    conversation_id: use?.conversationId,
    text,
    first_use_time: use && timestamp(use.firstMs),
    last_use_time: use && timestamp(use.lastMs),
  };
}
