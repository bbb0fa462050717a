import { z } from 'zod';
import { conversationId, optional, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

const schema = z
  .object({
    vault: vaultName,
    id: conversationId,
    allow_missing: z.boolean(),
    if_revision: optional(uint64),
  })
  .transform(({ vault, id, allow_missing, if_revision }) => ({
    vault,
    id,
    options: {
      allowMissing: allow_missing,
      ...(if_revision === undefined ? {} : { ifRevision: if_revision }),
    },
  }));

export const readDelete = ordinaryRequest('stowken.v1.DeleteConversationRequest', schema);
