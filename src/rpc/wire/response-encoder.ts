import type protobuf from 'protobufjs';
import { messageType } from '../contract.js';
import type { Responses } from '../generated/responses.js';

/** Encodes one response type through protobufjs; not used for messages that carry tokens. */
export class ResponseEncoder<Name extends keyof Responses> {
  readonly #type: protobuf.Type;

  constructor(name: Name) {
    this.#type = messageType(name);
  }

  /** Takes field names as in the contract; numbers for 64-bit fields must be safe integers. */
  encode(fields: Responses[Name]): Buffer {
    const bytes = this.#type.encode(fields).finish();
    // The same memory as a Buffer, which is what grpc-js sends.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
