import { isUtf8 } from 'node:buffer';
import type { ParquetParsers, SchemaElement, SchemaTree } from 'hyparquet';
import { isExactNumber, type Json, parseExactly, rawNumber, repeatedKey } from '../shapes/index.js';

/**
 * Parsers of columns that keep all of their values. The library's own cut times to milliseconds, lose digits
 * of numbers in JSON, take a byte order mark from a text, and end the file at JSON that is none.
 */
export const exactParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (ms) => timeOf(BigInt(ms), 1n, 3),
  timestampFromMicroseconds: (us) => timeOf(us, 1_000n, 6),
  timestampFromNanoseconds: (ns) => timeOf(ns, 1_000_000n, 9),
  dateFromDays: (days) => dayOf(days),
  stringFromBytes: (bytes) => jsonOfBytes(bytes),
  jsonFromBytes: (bytes) => jsonOfText(jsonOfBytes(bytes)),
};

/**
 * Has columns of a schema read as they are stored where the library would round their values or refuses them:
 * decimals, intervals, BSON. Bytes that are keys of a map are read as text.
 */
export function readAsStored(schema: readonly SchemaElement[]): void {
  for (const element of schema) {
    const { name, type, converted_type: converted, logical_type: logical } = element;
    const isBytes = type === 'BYTE_ARRAY' && converted === undefined && logical === undefined;
    if (isBytes && name === 'key') element.converted_type = 'UTF8';
    if (converted === 'DECIMAL') element.logical_type ??= decimalOf(element);
    if (converted === 'DECIMAL' || converted === 'INTERVAL' || converted === 'BSON')
      delete element.converted_type;
  }
}

function decimalOf({ precision = 0, scale = 0 }: SchemaElement) {
  return { type: 'DECIMAL', precision, scale } as const;
}

/**
 * Returns a value of a column as JSON has it: times in RFC 3339, without zone if they are local, decimals as
 * numbers of all their digits, bytes as text or in base64. Structs, lists and maps lie in the value as
 * `node` says; a value that has another form is converted by itself.
 */
export function jsonOf(value: unknown, node: SchemaTree | undefined): Json {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) {
    const item = node && itemOf(node);
    return value.map((each) => jsonOf(each, item));
  }
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array))
    return Array.from(value as unknown as ArrayLike<unknown>, (each) => jsonOf(each, node));
  if (node !== undefined && node.children.length === 0) return leafOf(value, node.element);
  if (typeof value !== 'object' || value instanceof Uint8Array) return plainOf(value);
  return Object.fromEntries<Json>(
    Object.entries(value).map(([key, each]) => [key, jsonOf(each, node && childOf(node, key))]),
  );
}

/** Returns the node of the items of a list, as the library reads lists of two and of three levels. */
function itemOf(node: SchemaTree): SchemaTree {
  if (node.element.converted_type !== 'LIST') return node;
  const repeated = node.children[0]!;
  return repeated.children.length === 1 ? repeated.children[0]! : repeated;
}

/** Returns the node of a field of a struct, or of the values of a map. */
function childOf(node: SchemaTree, key: string): SchemaTree | undefined {
  if (node.element.converted_type === 'MAP') return node.children[0]?.children[1];
  return node.children.find(({ element }) => element.name === key);
}

function leafOf(value: unknown, { logical_type: logical, converted_type: converted }: SchemaElement): Json {
  // Its parser made JSON of it.
  if (converted === 'JSON') return value as Json;
  if (logical?.type === 'DECIMAL') return decimal(value, logical.scale);
  const isLocal = logical?.type === 'TIMESTAMP' && !logical.isAdjustedToUTC;
  return isLocal && typeof value === 'string' ? value.replace(/Z$/, '') : plainOf(value);
}

function plainOf(value: unknown): Json {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return numberOf(String(value));
  if (typeof value === 'number') return Object.is(value, -0) ? rawNumber('-0') : numberOf(String(value));
  if (value instanceof Uint8Array) return jsonOfBytes(value);
  return value as Json;
}

/** Returns the number that is written so, with all its digits. */
function numberOf(text: string): Json {
  return isExactNumber(text) ? Number(text) : rawNumber(text);
}

/** Returns a number of which the last `scale` digits stand behind the point. */
function decimal(value: unknown, scale: number): Json {
  const unscaled = value instanceof Uint8Array ? integerOf(value) : BigInt(value as number | bigint);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  if (scale === 0) return numberOf(`${sign}${digits}`);
  return numberOf(`${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`);
}

/** Reads a big-endian integer in two's complement. */
function integerOf(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`));
}

/** Returns bytes as text, or in base64 if they are none. */
function jsonOfBytes(bytes: Uint8Array): string {
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return own.toString(isUtf8(own) ? 'utf8' : 'base64');
}

/** Returns the value that a text of JSON has; the text itself if it is none, or would lose a part. */
function jsonOfText(text: string): Json {
  try {
    const value = parseExactly(text);
    return repeatedKey(text, value) === undefined ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

const millisecondsOfDay = 86_400_000;
/** Times farther from 1970 than this have no date in JavaScript. */
const dateMsMax = 8_640_000_000_000_000n;

/** Returns a time of so many units, of which `perMs` are a millisecond, with as many digits as it needs. */
function timeOf(units: bigint, perMs: bigint, digits: number): Json {
  const rest = ((units % perMs) + perMs) % perMs;
  const ms = (units - rest) / perMs;
  if (ms > dateMsMax || ms < -dateMsMax) return numberOf(String(units));
  const time = new Date(Number(ms)).toISOString();
  if (rest === 0n) return time;
  const fine = String(rest).padStart(digits - 3, '0');
  return time.replace('Z', `${fine.endsWith('000') ? fine.slice(0, -3) : fine}Z`);
}

function dayOf(days: number): Json {
  const date = new Date(days * millisecondsOfDay);
  return Number.isNaN(date.getTime()) ? days : date.toISOString().replace(/T.*/, '');
}
