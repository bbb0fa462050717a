import { limits } from '../../model/index.js';
import type { NewMessage } from '../../vault/index.js';
import { readMessage } from './message.js';
import { readRepeated } from './repeated.js';

/** A request with a field `messages`, taken apart. */
export interface MessagesRequestParts {
  /** All fields but `messages`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Their tokens are views of the request. */
  readonly messages: NewMessage[];
}

/** Reads a request whose messages are its field 3, as those of StoreConversation and AppendMessages are. */
export async function readMessagesRequest(
  request: 'StoreConversationRequest' | 'AppendMessagesRequest',
  bytes: Buffer,
  signal: AbortSignal,
): Promise<MessagesRequestParts> {
  const field = {
    request,
    name: 'messages',
    number: 3,
    itemsMax: limits.messagesPerRequestMax,
    read: readMessage,
  };
  const { fields, items } = await readRepeated(field, bytes, signal);
  return { fields, messages: items };
}
