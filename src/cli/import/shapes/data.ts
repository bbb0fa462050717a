import { createHash } from 'node:crypto';
import { limits } from '../../../model/index.js';
import { BadLine } from '../bad-line.js';
import { isList, isObject, type Json } from './json.js';
import { hole } from './skeleton.js';

/**
 * Length from which base64 is unpacked: bytes take three quarters of it, and are stored once; short ones
 * would not be worth a record of their own.
 */
export const unpackedMin = 4096;

const dataUrl = /^data:[^,]{0,200};base64,/;

/** Limit of the attachments that a message has of its own, and of those that it keeps for its document. */
const attachmentsMax = limits.attachmentsPerMessageMax / 2;

/** Bytes by their SHA-256 in hex. */
export type DataOf = ReadonlyMap<string, Uint8Array>;

/** Bytes that a text has in base64, and the text before them. */
export interface Unpacked {
  readonly prefix: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/**
 * True if a text has no character that `others` finds, except equals signs at its end. A pattern of the
 * whole text would need a place on the stack for each character.
 */
export function isWritten(text: string, others: RegExp): boolean {
  let end = text.length;
  while (end > 0 && text[end - 1] === '=') end -= 1;
  return end > 0 && !others.test(text.slice(0, end));
}

/** Returns the bytes of base64 and of data URLs, if encoding them gives the same text. */
export function unpackedOf(text: string): Unpacked | undefined {
  const prefix = dataUrl.exec(text)?.[0] ?? '';
  const packed = text.slice(prefix.length);
  if (!isWritten(packed, /[^A-Za-z0-9+/]/)) return undefined;
  const bytes = Buffer.from(packed, 'base64');
  if (bytes.length > limits.attachmentBytesMax || bytes.toString('base64') !== packed) return undefined;
  return { prefix, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * Takes the data out of what is kept of a document: each leaves a hole with its hash. Returns the very same
 * value if there is none.
 */
export function takeData(value: Json, data: Map<string, Uint8Array>): Json {
  if (typeof value === 'string') {
    const found = value.length < unpackedMin ? undefined : unpackedOf(value);
    if (found === undefined || (data.size === attachmentsMax && !data.has(found.sha256))) return value;
    data.set(found.sha256, found.bytes);
    return hole('data', found.sha256, found.prefix);
  }
  if (isList(value)) {
    const items = value.map((item) => takeData(item, data));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, takeData(item, data)] as const);
  return entries.every(([key, item]) => item === value[key]) ? value : Object.fromEntries<Json>(entries);
}

/** Size of fields, as JSON, from which long values of them become attachments; a server takes little more. */
const inlineBytesMax = 768 * 1024;
/** Size of such a value. */
const packedBytesMin = 64 * 1024;

/**
 * Takes long values out of fields that are too long, such as log probabilities: each becomes an attachment,
 * its JSON, and leaves a hole. Tools stay where they are, because chat templates need them.
 * `bytes`: size of what the value was read from.
 */
export function takeLongValues(value: Json, data: Map<string, Uint8Array>, bytes: number): Json {
  if (bytes < inlineBytesMax || !isLongerThan(value, inlineBytesMax)) return value;
  return withoutLong(value, data, true);
}

function withoutLong(value: Json, data: Map<string, Uint8Array>, isRoot: boolean): Json {
  if (!isLongerThan(value, packedBytesMin)) return value;
  let rest = value;
  if (isList(value)) rest = value.map((item) => withoutLong(item, data, false));
  else if (isObject(value))
    rest = Object.fromEntries<Json>(
      Object.entries(value).map(([key, item]) => [
        key,
        key === 'tools' ? item : withoutLong(item, data, false),
      ]),
    );
  if (isRoot || holdsTools(rest)) return rest;
  return isLongerThan(rest, packedBytesMin) ? packed(rest, data) : rest;
}

function holdsTools(value: Json): boolean {
  if (isList(value)) return value.some(holdsTools);
  return isObject(value) && (Object.hasOwn(value, 'tools') || Object.values(value).some(holdsTools));
}

function packed(value: Json, data: Map<string, Uint8Array>): Json {
  const bytes = Buffer.from(JSON.stringify(value));
  const { attachmentBytesMax } = limits;
  if (bytes.length > attachmentBytesMax)
    throw new BadLine(`a value of ${bytes.length} bytes is longer than an attachment: ${attachmentBytesMax}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (data.size === attachmentsMax && !data.has(sha256)) return value;
  data.set(sha256, bytes);
  return hole('packed', sha256);
}

function isLongerThan(value: Json, bytesMax: number): boolean {
  const json = JSON.stringify(value);
  return json.length > bytesMax || (3 * json.length > bytesMax && Buffer.byteLength(json) > bytesMax);
}
