import { limits } from '../../../model/index.js';
import { isList, isObject, isRawNumber, type Json, type JsonObject, valueOf } from './json.js';
import { isLocalTime, timeOf } from './times.js';

/** Keys of the time at which a conversation, a request or a message began; the first that is a time holds. */
const timeKeys = [
  'create_time',
  'created_at',
  'createdAt',
  'created',
  'creation_time',
  'start_time',
  'startTime',
  'started_at',
  'startedAt',
  'timestamp',
  'request_time',
  'datetime',
  'date_unixtime',
  'request_datetime',
  'date',
  'time',
] as const;

/** Keys of documents in a document that may have the time. */
const placesOfTime = [
  'chat',
  'body',
  'request',
  'response',
  'result',
  'message',
  'payload',
  'metadata',
] as const;

/** Keys of lists of messages, whose first time is that of the conversation. */
const listsOfMessages = [
  'messages',
  'conversations',
  'conversation',
  'turns',
  'contents',
  'trajectory',
  'history',
  'events',
] as const;

/** Numbers before this are no times: they count, or measure. */
const numberMinMs = Date.UTC(2000, 0, 1);

/** Time at which a conversation began, or why the one that its document names is not used. */
export type CreateTime = number | 'no zone' | 'out of range' | undefined;

/**
 * Returns the time at which the conversation of a document began. A time without zone is used only if a zone
 * is stated, and one that no server takes is not.
 */
export function createTimeOf(document: Json, zone: string | undefined, nowMs = Date.now()): CreateTime {
  let unused: CreateTime;
  for (const time of timesIn(document, 2)) {
    const read = readTime(time, zone, nowMs);
    if (typeof read === 'number') return read;
    unused ??= read;
  }
  return unused;
}

/** Yields values that may be the time, in the order of their worth. */
function* timesIn(value: Json, depth: number): Generator<Json, void, void> {
  if (isList(value)) {
    for (const item of value) yield* timesIn(item, 0);
    return;
  }
  if (!isObject(value)) return;
  for (const key of timeKeys) {
    const time = valueOf(value, key);
    if (time !== undefined) yield time;
  }
  if (depth === 0) return;
  for (const key of placesOfTime) yield* timesInside(value, key, depth);
  for (const key of listsOfMessages) yield* timesInside(value, key, depth);
}

function timesInside(value: JsonObject, key: string, depth: number): Iterable<Json> {
  const inner = valueOf(value, key);
  return isObject(inner) || isList(inner) ? timesIn(inner, depth - 1) : [];
}

function readTime(value: Json, zone: string | undefined, nowMs: number): CreateTime {
  if (typeof value !== 'string' && typeof value !== 'number' && !isRawNumber(value)) return undefined;
  if (zone === undefined && isLocalTime(value)) return 'no zone';
  const time = timeOf(value, zone);
  if (typeof time !== 'number') return undefined;
  if (typeof value !== 'string' && time < numberMinMs) return undefined;
  return time >= 0 && time <= nowMs + limits.createTimeAheadMsMax / 2 ? time : 'out of range';
}
