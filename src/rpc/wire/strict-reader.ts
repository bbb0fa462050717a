import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * protobufjs' reader, but strings that are not UTF-8 or run past the end are refused, where the original
 * repairs them silently. Every other reader of a request is built on it.
 */
export class StrictReader extends protobuf.BufferReader {
  override string(): string {
    return decodeUtf8(this.bytes());
  }
}

/** @throws TypeError for what is not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** Throws as decodeUtf8 would, and makes no string. */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new TypeError('The encoded data was not valid for encoding utf-8');
}
