import { limits } from '../../model/index.js';
import type { NewMessage } from '../../vault/index.js';
import { readMessage } from './message.js';
import { readRepeated, type RepeatedField } from './repeated.js';

/** A StoreConversationRequest taken apart. */
export interface StoreRequestParts {
  /** All fields but `messages`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Their tokens are views of the request. */
  readonly messages: NewMessage[];
}

const messagesField: RepeatedField<NewMessage> = {
  request: 'StoreConversationRequest',
  name: 'messages',
  number: 3,
  itemsMax: limits.messagesPerRequestMax,
  read: readMessage,
};

export async function readStoreRequest(bytes: Buffer, signal: AbortSignal): Promise<StoreRequestParts> {
  const { fields, items } = await readRepeated(messagesField, bytes, signal);
  return { fields, messages: items };
}
