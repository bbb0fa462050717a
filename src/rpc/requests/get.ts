import { z } from 'zod';
import { conversationId, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';

const schema = z
  .object({ vault: vaultName, id: conversationId, include_messages: z.boolean() })
  .transform(({ include_messages, ...rest }) => ({ ...rest, includeMessages: include_messages }));

export const readGet = ordinaryRequest('stowken.v1.GetConversationRequest', schema);
