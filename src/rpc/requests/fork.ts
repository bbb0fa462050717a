import { z } from 'zod';
import type { ForkInput } from '../../vault/index.js';
import { conversationId, optional, optionalId, requestId, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

const schema = z
  .object({
    vault: vaultName,
    id: conversationId,
    new_id: optionalId,
    request_id: requestId,
    if_revision: optional(uint64),
    message_count: optional(z.number()),
  })
  .transform((request): { vault: string; input: ForkInput } => ({
    vault: request.vault,
    input: {
      id: request.id,
      newId: request.new_id,
      messageCount: request.message_count,
      ifRevision: request.if_revision,
      requestId: request.request_id,
    },
  }));

export const readFork = ordinaryRequest('stowken.v1.ForkConversationRequest', schema);
