import { z } from 'zod';
import type { RetrieveInput } from '../../vault/index.js';
import { conversationId, enumeration, optional, uint64, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

/** Encoding's values by number. */
const encoding = enumeration(['tokens', 'tokens', 'words', 'text']);

const schema = z
  .object({ vault: vaultName, id: conversationId, encoding, if_revision: optional(uint64) })
  .transform(({ vault, id, encoding, if_revision }): { vault: string; input: RetrieveInput } => ({
    vault,
    input: { id, encoding, ...(if_revision === undefined ? {} : { ifRevision: if_revision }) },
  }));

export const readRetrieve = ordinaryRequest('stowken.v1.RetrieveConversationRequest', schema);
