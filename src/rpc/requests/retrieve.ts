import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { RetrieveInput, RetrieveManyInput } from '../../vault/index.js';
import { conversationId, enumeration, items, optional, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

/** Encoding's values by number. */
const encoding = enumeration(['tokens', 'tokens', 'words', 'text']);

const one = z
  .object({
    vault: vaultName,
    id: conversationId,
    message_offset: z.number(),
    message_limit: z.number(),
    token_offset: uint64,
    token_limit: uint64,
    encoding,
    if_revision: optional(uint64),
  })
  .transform((request): { vault: string; input: RetrieveInput } => ({
    vault: request.vault,
    input: {
      id: request.id,
      messageOffset: request.message_offset,
      messageLimit: request.message_limit,
      tokenOffset: request.token_offset,
      tokenLimit: request.token_limit,
      encoding: request.encoding,
      ifRevision: request.if_revision,
    },
  }));

const many = z
  .object({ vault: vaultName, ids: items(conversationId, limits.conversationsPerRequestMax), encoding })
  .transform(({ vault, ...input }): { vault: string; input: RetrieveManyInput } => ({ vault, input }));

export const readRetrieve = ordinaryRequest('stowken.v1.RetrieveConversationRequest', one);
export const readRetrieveMany = ordinaryRequest('stowken.v1.RetrieveConversationsRequest', many);
