import { z } from 'zod';
import { conversationId, optional, requestId, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

const schema = z
  .object({
    vault: vaultName,
    id: conversationId,
    allow_missing: z.boolean(),
    if_revision: optional(uint64),
    request_id: requestId,
  })
  .transform(({ vault, id, allow_missing, if_revision, request_id }) => ({
    vault,
    id,
    options: { allowMissing: allow_missing, ifRevision: if_revision, requestId: request_id },
  }));

export const readDelete = ordinaryRequest('stowken.v1.DeleteConversationRequest', schema);
