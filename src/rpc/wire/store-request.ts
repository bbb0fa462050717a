import { limits, StowkenError } from '../../model/index.js';
import type { NewMessage } from '../../vault/index.js';
import { reading } from './codec.js';
import { readMessage } from './message.js';
import { StrictReader } from './strict-reader.js';

const messagesTag = (3 << 3) | 2;

/** A StoreConversationRequest taken apart. */
export interface StoreRequestParts {
  /** All fields but `messages`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Their tokens are views of the request. */
  readonly messages: NewMessage[];
}

/** Reads the messages of a store request by hand, so that tokens never become JavaScript arrays. */
export function readStoreRequest(bytes: Buffer): StoreRequestParts {
  return reading('StoreConversationRequest', () => {
    const reader = new StrictReader(bytes);
    const fields: Buffer[] = [];
    const messagePositions: number[] = [];
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const tag = reader.uint32();
      if (tag === messagesTag) messagePositions.push(reader.pos);
      reader.skipType(tag & 7);
      // Field 3 in another wire type is an unknown field, and would mislead the ordinary decoder.
      if (tag >>> 3 !== messagesTag >>> 3) fields.push(bytes.subarray(start, reader.pos));
    }
    checkMessageCount(messagePositions.length);
    return {
      fields: Buffer.concat(fields),
      messages: messagePositions.map((position, index) => {
        reader.pos = position;
        return readMessage(reader, `messages[${index}]`);
      }),
    };
  });
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
