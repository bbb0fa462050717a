import type { Conversation } from '../../model/index.js';
import type { SegmentKey, StoredSegment } from '../contract/change.js';
import type {
  ConversationPage,
  GarbagePage,
  GarbageQuery,
  ListPosition,
  ListQuery,
  ScanQuery,
} from '../contract/queries.js';
import type { NumberedConversation } from './conversation-index.js';
import { numberAt, positionOf } from './list-position.js';
import { isListed } from './records.js';
import type { RecordedSegment } from './staged-vault.js';
import {
  isAfter,
  isByCreation,
  isByStore,
  isLatestFirst,
  type Place,
  placeAt,
  placeOf,
  placeOfNumber,
  positionOfPlace,
  startOf,
} from './time-order.js';

/** Committed records of a vault, all in memory. */
export interface RecordIndex<Segment extends RecordedSegment = RecordedSegment> {
  /** Id that the next new segment gets. */
  readonly nextSegment: number;
  segmentById(id: number): Segment | undefined;
  /** Returns garbage above an id, lowest id first. */
  garbageAfter(id: number): Segment[];
  /** Same as ConversationIndex.inOrder(). */
  inOrder(newestFirst: boolean, beyond: number): Iterable<NumberedConversation>;
  /**
   * Returns the number of the first conversation stored at this time or later; one beyond the last if there
   * is none.
   */
  numberFrom(storeTimeMs: number): number;
  /** True if a conversation has, or had, a create time of its own: the order of numbers is another then. */
  readonly hasDated: boolean;
}

/** Conversations that are examined before other work gets its turn. */
const SLICE = 2000;

/**
 * Returns a page. The position depends on a conversation alone, so nothing is repeated or skipped. Without
 * create times of their own, conversations are created in the order of their numbers.
 */
export async function listConversations(index: RecordIndex, query: ListQuery): Promise<ConversationPage> {
  const { limit, scanLimit, order } = query;
  const isPlace = query.after !== undefined && placeAt(query.after) !== undefined;
  const isByNumber = isByStore(order) || (isByCreation(order) && !index.hasDated && !isPlace);
  if (!isByNumber) return listByTime(index, query);
  const newestFirst = isLatestFirst(order);
  const conversations: Conversation[] = [];
  let position = firstPosition(index, query);
  let scanned = 0;
  for (const { number, conversation } of index.inOrder(newestFirst, position)) {
    if (!index.hasDated && isPast(conversation, query)) return { conversations, next: undefined };
    if (conversations.length >= limit || scanned >= scanLimit)
      return { conversations, next: positionOf(position) };
    if (isListed(conversation, query)) conversations.push(conversation);
    position = number;
    scanned += 1;
    if (scanned % SLICE > 0) continue;
    await new Promise(setImmediate);
    query.signal?.throwIfAborted();
  }
  return { conversations, next: undefined };
}

/** Sorts what passes the filter for each page: records in memory have no index by these times. */
function listByTime(index: RecordIndex, query: ListQuery): ConversationPage {
  const { limit, order, after } = query;
  const latestFirst = isLatestFirst(order);
  const position = after === undefined ? startOf(query) : (placeAt(after) ?? placeByNumber(index, after));
  const placed: { place: Place; conversation: Conversation }[] = [];
  for (const { number, conversation } of index.inOrder(false, 0)) {
    const place = isListed(conversation, query) && placeOf(conversation, number, order);
    if (place && isAfter(place, position, latestFirst)) placed.push({ place, conversation });
  }
  placed.sort((a, b) => (isAfter(b.place, a.place, latestFirst) ? -1 : 1));
  const page = placed.slice(0, limit);
  const last = page.at(-1);
  return {
    conversations: page.map(({ conversation }) => conversation),
    next: last && page.length < placed.length ? positionOfPlace(last.place) : undefined,
  };
}

/**
 * Returns the number after which to begin: if create times rise with the numbers, a time range is found by
 * bisection.
 */
function firstPosition(index: RecordIndex, { after, order, filter }: ListQuery): number {
  if (after !== undefined) return numberAt(after);
  const { createTimeFromMs = -Infinity, createTimeBeforeMs = Infinity } = index.hasDated ? {} : filter;
  if (!isLatestFirst(order)) return index.numberFrom(createTimeFromMs) - 1;
  return createTimeBeforeMs === Infinity ? Infinity : index.numberFrom(createTimeBeforeMs);
}

/** Returns the place of a position in the order of numbers. */
function placeByNumber(index: RecordIndex, position: ListPosition): Place {
  const number = numberAt(position);
  for (const { conversation } of index.inOrder(false, number - 1))
    return placeOfNumber(number, conversation.storeTimeMs);
  return placeOfNumber(number);
}

/** True if no later conversation in this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  const { createTimeFromMs = -Infinity, createTimeBeforeMs = Infinity } = filter;
  return isLatestFirst(order) ? createTimeMs < createTimeFromMs : createTimeMs >= createTimeBeforeMs;
}

/** Returns a page of garbage, lowest id first. */
export function listGarbage(
  index: RecordIndex,
  { limit, garbageBeforeMs, after }: GarbageQuery,
): GarbagePage {
  const garbage = index
    .garbageAfter(Number(after ?? 0))
    .filter(({ unreferencedSinceMs }) => unreferencedSinceMs <= garbageBeforeMs);
  const segments = garbage.slice(0, limit).map(storedSegment);
  return { segments, next: segments.length < garbage.length ? segments.at(-1)?.key : undefined };
}

export interface ScanPage<Segment> {
  readonly entries: readonly Segment[];
  readonly next: SegmentKey | undefined;
}

/** Returns the next stored segments by id, as many as the query allows. */
export function scanPage<Segment extends RecordedSegment>(
  index: RecordIndex<Segment>,
  { after, limit, bytesMax }: ScanQuery,
): ScanPage<Segment> {
  const entries: Segment[] = [];
  let bytes = 0;
  for (let id = Number(after ?? 0) + 1; id < index.nextSegment; id++) {
    const entry = index.segmentById(id);
    if (!entry) continue;
    bytes += entry.frameBytes;
    const last = entries.at(-1);
    const isFull = entries.length === limit || bytes > bytesMax;
    if (isFull && last) return { entries, next: last.id as SegmentKey };
    entries.push(entry);
  }
  return { entries, next: undefined };
}

export function storedSegment({ id, tokenCount, frameBytes }: RecordedSegment): StoredSegment {
  return { key: id as SegmentKey, tokenCount, frameBytes };
}
