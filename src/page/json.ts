import protobuf from 'protobufjs';
import { StowkenError } from '../model/index.js';

/**
 * JSON of the page: that of proto3, with the contract's own field names. 64-bit numbers are strings, bytes
 * are base64, enums are names, times are RFC 3339, durations are seconds ("1.5s").
 */

type Fields = Record<string, unknown>;

const timestamp = '.google.protobuf.Timestamp';
const duration = '.google.protobuf.Duration';
const wholeNumber = /^-?\d{1,20}$/;
const integers: ReadonlySet<string> = new Set(['int32', 'uint32', 'int64', 'uint64']);
const floats: ReadonlySet<string> = new Set(['double', 'float']);

/** Encodes a request. @throws StowkenError INVALID_FIELD for a field that is unknown, or of another type */
export function encodeRequest(type: protobuf.Type, json: unknown): Buffer {
  return Buffer.from(type.encode(toMessage(type, json, 'request')).finish());
}

function toMessage(type: protobuf.Type, json: unknown, at: string): Fields {
  const message: Fields = {};
  for (const [name, value] of Object.entries(objectOf(json, at))) {
    const field = Object.hasOwn(type.fields, name) ? type.fields[name]! : undefined;
    if (field === undefined) throw wrong(`${at}.${name}`, 'is no field of this request');
    if (value !== null) message[name] = toField(field.resolve(), value, name);
  }
  return message;
}

function toField(field: protobuf.Field, json: unknown, at: string): unknown {
  if (field instanceof protobuf.MapField) {
    const entries = Object.entries(objectOf(json, at));
    return Object.fromEntries(entries.map(([key, value]) => [key, toValue(field, value, `${at}.${key}`)]));
  }
  if (!field.repeated) return toValue(field, json, at);
  if (!Array.isArray(json)) throw wrong(at, 'is a list');
  return json.map((each, index) => toValue(field, each, `${at}[${index}]`));
}

function toValue({ type, resolvedType }: protobuf.Field, json: unknown, at: string): unknown {
  if (resolvedType instanceof protobuf.Enum) {
    const number = Object.hasOwn(resolvedType.values, String(json))
      ? resolvedType.values[String(json)]
      : undefined;
    return number ?? refuse(at, `is one of ${Object.keys(resolvedType.values).join(', ')}`);
  }
  if (resolvedType?.fullName === timestamp) return toTimestamp(json, at);
  if (resolvedType instanceof protobuf.Type) return toMessage(resolvedType, json, at);
  if (type === 'string') return typeof json === 'string' ? json : refuse(at, 'is a text');
  if (type === 'bool') return typeof json === 'boolean' ? json : refuse(at, 'is true or false');
  if (floats.has(type)) return typeof json === 'number' ? json : refuse(at, 'is a number');
  if (integers.has(type) && isWhole(json, type)) return type.endsWith('64') ? String(json) : Number(json);
  return refuse(at, 'is a whole number of its size');
}

function isWhole(json: unknown, type: string): boolean {
  if (typeof json === 'number' ? !Number.isSafeInteger(json) : !wholeNumber.test(json as string))
    return false;
  const value = BigInt(json as string | number);
  const bits = type.endsWith('64') ? 64 : 32;
  return value === (type.startsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value));
}

function toTimestamp(json: unknown, at: string) {
  const ms = typeof json === 'string' ? Date.parse(json) : NaN;
  if (Number.isNaN(ms)) throw wrong(at, 'is a time, as in 2026-01-31T13:00:00Z');
  return { seconds: Math.floor(ms / 1000), nanos: (ms - 1000 * Math.floor(ms / 1000)) * 1e6 };
}

/** Decodes a response. Fields that are not set have their default; messages that are not set are null. */
export function decodeResponse(type: protobuf.Type, bytes: Buffer): unknown {
  return fromMessage(
    type,
    type.toObject(type.decode(bytes), { longs: String, enums: String, bytes: String, defaults: true }),
  );
}

/** Replaces the times and durations within a message. */
function fromMessage(type: protobuf.Type, message: Fields): unknown {
  if (type.fullName === timestamp) return fromTimestamp(message as unknown as Time);
  if (type.fullName === duration) return fromDuration(message as unknown as Time);
  for (const field of type.fieldsArray) {
    const { name, repeated, resolvedType } = field.resolve();
    const value = Object.hasOwn(message, name) ? message[name] : null;
    if (!(resolvedType instanceof protobuf.Type) || value === null) continue;
    const convert = (each: unknown) => fromMessage(resolvedType, each as Fields);
    if (field instanceof protobuf.MapField) {
      const entries = Object.entries(value as Fields);
      message[name] = Object.fromEntries(entries.map(([key, each]) => [key, convert(each)]));
    } else message[name] = repeated ? (value as unknown[]).map(convert) : convert(value);
  }
  return message;
}

/** Timestamp or Duration, as protobufjs gives it. */
interface Time {
  readonly seconds: string;
  readonly nanos: number;
}

function fromTimestamp({ seconds, nanos }: Time): string {
  return new Date(Number(seconds) * 1000 + nanos / 1e6).toISOString();
}

function fromDuration({ seconds, nanos }: Time): string {
  return `${Number(seconds) + nanos / 1e9}s`;
}

function objectOf(json: unknown, at: string): Fields {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Fields;
  throw wrong(at, 'is an object');
}

function refuse(at: string, rule: string): never {
  throw wrong(at, rule);
}

function wrong(field: string, rule: string): StowkenError {
  return new StowkenError('INVALID_FIELD', `${field} ${rule}`, { field });
}
