import protobuf from 'protobufjs';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * protobufjs' reader, but strings that are not UTF-8 or run past the end are refused, where the original
 * repairs them silently. Every other reader of a request is built on it.
 */
export class StrictReader extends protobuf.BufferReader {
  override string(): string {
    return utf8.decode(this.bytes());
  }
}
