import { z } from 'zod';
import { conversationId, optional, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

const schema = z
  .object({
    vault: vaultName,
    id: conversationId,
    include_messages: z.boolean(),
    message_offset: z.number(),
    message_limit: z.number(),
    if_revision: optional(uint64),
  })
  .transform((request) => ({
    vault: request.vault,
    id: request.id,
    includeMessages: request.include_messages,
    options: {
      messageOffset: request.message_offset,
      messageLimit: request.message_limit,
      ifRevision: request.if_revision,
    },
  }));

export const readGet = ordinaryRequest('stowken.v1.GetConversationRequest', schema);
