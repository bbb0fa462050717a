import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs';
import { isStowkenError, limits, StowkenError } from '../../model/index.js';
import { nextTurn } from '../../queue/index.js';
import { messageType } from '../contract.js';
import type { Requests } from '../generated/requests.js';

/** Decodes one request type through protobufjs; not used for messages that carry tokens. */
export class RequestDecoder<Name extends keyof Requests> {
  readonly #type: protobuf.Type;

  constructor(name: Name) {
    this.#type = messageType(name);
  }

  /**
   * Decodes a message with the contract's field names and with defaults, except for `optional` fields.
   * @throws StowkenError MALFORMED_REQUEST if the bytes are not such a message
   */
  decode(bytes: Buffer): Requests[Name] {
    const type = this.#type;
    const fields: object = reading(type.name, () =>
      type.toObject(type.decode(new StrictReader(bytes)), { defaults: true }),
    );
    return fields as Requests[Name];
  }
}

/**
 * Runs a reader of a client's bytes, which gets the index of an item. Any error that it throws becomes
 * MALFORMED_REQUEST.
 */
export function reading<T>(messageName: string, read: (index: number) => T, index = 0): T {
  try {
    return read(index);
  } catch (error) {
    if (isStowkenError(error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new StowkenError('MALFORMED_REQUEST', `not a ${messageName}: ${cause}`, {}, { cause: error });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Extends protobufjs' reader: strings that are not UTF-8 or run past the end are refused, where the original
 * repairs them silently. Every other reader of a request is built on it.
 */
export class StrictReader extends protobuf.BufferReader {
  override string(): string {
    const start = this.pos;
    const length = this.uint32();
    const from = this.pos;
    const end = from + length;
    // Roles, names and ids: a TextDecoder would take longer to call than to work.
    if (length <= SHORT_TEXT_BYTES && end <= this.len && isAscii(this.buf, from, end)) {
      this.pos = end;
      return (this.buf as Buffer).toString('latin1', from, end);
    }
    this.pos = start;
    return decodeUtf8(this.bytes());
  }
}

const SHORT_TEXT_BYTES = 64;

function isAscii(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at]! >= 0x80) return false;
  return true;
}

/** @throws TypeError if the bytes are not UTF-8 */
function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** Throws as decodeUtf8 would, but makes no string. */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new TypeError('The encoded data was not valid for encoding utf-8');
}

/** Reads a length, then so many bytes with `read`, for which the reader ends there. */
export function readLengthDelimited(reader: StrictReader, read: () => void): void {
  const outerEnd = enterMessage(reader);
  read();
  leaveMessage(reader, outerEnd);
}

/**
 * Reads a length and lets the reader end after so many bytes; returns where it ended before. As
 * readLengthDelimited with leaveMessage, without a closure for each message.
 */
export function enterMessage(reader: StrictReader): number {
  const outerEnd = reader.len;
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outerEnd) throw new RangeError(`${length} bytes announced, ${outerEnd - reader.pos} there`);
  reader.len = end;
  return outerEnd;
}

/** Lets the reader end where it ended before; all of the message must have been read. */
export function leaveMessage(reader: StrictReader, outerEnd: number): void {
  if (reader.pos !== reader.len) throw new RangeError('a field runs past the end of its message');
  reader.len = outerEnd;
}

/** A repeated message field of a request. */
export interface RepeatedField<Item> {
  readonly request: string;
  readonly name: string;
  readonly number: number;
  readonly itemsMax: number;
  /** Reads the message at the reader; `field` names it in errors. */
  readonly read: (reader: StrictReader, field: string) => Item;
}

/**
 * Reads the items of a repeated field without the ordinary decoder, so that their tokens never become
 * JavaScript arrays. Returns all other fields unchanged, for the ordinary decoder. Lets other calls have a
 * turn now and then: a request can have very many items.
 */
export async function readRepeated<Item>(
  { request, name, number, itemsMax, read }: RepeatedField<Item>,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<{ readonly fields: Buffer; readonly items: Item[] }> {
  const reader = new StrictReader(bytes);
  const { fields, positions } = reading(request, () => split(reader, bytes, number));
  checkCount(name, positions.length, itemsMax);
  const items: Item[] = [];
  const readItem = (index: number): Item => read(reader, `${name}[${index}]`);
  for (let index = 0; index < positions.length; index++) {
    if (index > 0 && index % limits.turnMessagesMax === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    reader.pos = positions[index]!;
    items.push(reading(request, readItem, index));
  }
  return { fields, items };
}

/** Finds the items and gathers the other fields. */
function split(reader: StrictReader, bytes: Buffer, number: number) {
  const fields: Buffer[] = [];
  const positions: number[] = [];
  const itemTag = (number << 3) | 2;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === itemTag) positions.push(reader.pos);
    reader.skipType(tag & 7);
    // This field with another wire type is an unknown field, and would mislead the ordinary decoder.
    if (tag >>> 3 !== number) fields.push(bytes.subarray(start, reader.pos));
  }
  return { fields: Buffer.concat(fields), positions };
}

function checkCount(field: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('INVALID_FIELD', `${field} has ${size} entries; the limit is ${limit}`, {
    field,
    size: String(size),
    limit: String(limit),
  });
}
