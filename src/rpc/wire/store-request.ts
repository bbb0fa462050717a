import { setImmediate } from 'node:timers/promises';
import { limits, StowkenError } from '../../model/index.js';
import type { NewMessage } from '../../vault/index.js';
import { reading } from './codec.js';
import { readMessage } from './message.js';
import { StrictReader } from './strict-reader.js';

const requestName = 'StoreConversationRequest';
const messagesTag = (3 << 3) | 2;

/** A StoreConversationRequest taken apart. */
export interface StoreRequestParts {
  /** All fields but `messages`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Their tokens are views of the request. */
  readonly messages: NewMessage[];
}

/**
 * Reads the messages of a store request by hand, so that tokens never become JavaScript arrays. Lets
 * other calls have a turn now and then: a request can have very many messages.
 */
export async function readStoreRequest(bytes: Buffer, signal: AbortSignal): Promise<StoreRequestParts> {
  const reader = new StrictReader(bytes);
  const { fields, positions } = reading(requestName, () => split(reader, bytes));
  checkMessageCount(positions.length);
  const messages: NewMessage[] = [];
  for (const [index, position] of positions.entries()) {
    if (index > 0 && index % limits.turnMessagesMax === 0) {
      await setImmediate();
      signal.throwIfAborted();
    }
    reader.pos = position;
    messages.push(reading(requestName, () => readMessage(reader, `messages[${index}]`)));
  }
  return { fields, messages };
}

/** Finds the messages, and gathers the other fields. */
function split(reader: StrictReader, bytes: Buffer): { fields: Buffer; positions: number[] } {
  const fields: Buffer[] = [];
  const positions: number[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === messagesTag) positions.push(reader.pos);
    reader.skipType(tag & 7);
    // Field 3 in another wire type is an unknown field, and would mislead the ordinary decoder.
    if (tag >>> 3 !== messagesTag >>> 3) fields.push(bytes.subarray(start, reader.pos));
  }
  return { fields: Buffer.concat(fields), positions };
}

function checkMessageCount(size: number): void {
  const limit = limits.messagesPerRequestMax;
  if (size <= limit) return;
  throw new StowkenError('INVALID_FIELD', `messages has ${size} entries; the limit is ${limit}`, {
    field: 'messages',
    size: String(size),
    limit: String(limit),
  });
}
