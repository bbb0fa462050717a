import protobuf from 'protobufjs';

/**
 * protobufjs' reader, but strings that are not UTF-8 or run past the end are refused, where the original
 * repairs them silently. Every other reader of a request is built on it.
 */
export class StrictReader extends protobuf.BufferReader {
  // One per process would do, but a decoder that has thrown is better not shared.
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  override string(): string {
    return this.#utf8.decode(this.bytes());
  }
}
