import type protobuf from 'protobufjs';
import { StowkenError } from '../../model/index.js';
import { messageType } from '../contract.js';
import { StrictReader } from './strict-reader.js';

/** Decodes and encodes one kind of message through protobufjs: all but the messages that carry tokens. */
export class MessageCodec {
  readonly #type: protobuf.Type;

  constructor(name: string) {
    this.#type = messageType(name);
  }

  /**
   * The message with the contract's field names and defaults filled in, but not for `optional` fields;
   * 64-bit numbers are Long, enums are numbers. MALFORMED_REQUEST when the bytes are no such message.
   */
  decode(bytes: Buffer): object {
    const type = this.#type;
    return reading(type.name, () => type.toObject(type.decode(new StrictReader(bytes)), { defaults: true }));
  }

  /** Takes field names as in the contract; numbers for 64-bit fields must be safe integers. */
  encode(fields: Record<string, unknown>): Buffer {
    return asBuffer(this.#type.encode(fields).finish());
  }
}

/** Runs a reader of bytes that a client sent: whatever it cannot read is MALFORMED_REQUEST. */
export function reading<T>(messageName: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StowkenError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new StowkenError('MALFORMED_REQUEST', `not a ${messageName}: ${cause}`, {}, { cause: error });
  }
}

/** The same memory as a Buffer, which is what grpc-js sends. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
