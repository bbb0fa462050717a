import { StowkenError } from '../model/index.js';

export function conversationNotFound(id: string): StowkenError {
  return new StowkenError('CONVERSATION_NOT_FOUND', `there is no conversation ${JSON.stringify(id)}`, {
    resource_type: 'conversation',
    resource_name: id,
  });
}
