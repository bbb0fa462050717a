import type { Conversation } from '../../model/index.js';
import type { ConversationFilter } from '../contract/filter.js';
import type { ListOrder, ListPosition, ListQuery } from '../contract/queries.js';

/** Place of a conversation in a list by a time: that time, then its number. */
export interface Place {
  readonly timeMs: number;
  readonly number: number;
}

/** True if an order is that of the first stores, which is the order of numbers. */
export function isByStore(order: ListOrder): boolean {
  return order === 'latestStoreFirst' || order === 'earliestStoreFirst';
}

/** True if an order is by create times: that of numbers as long as no conversation has one of its own. */
export function isByCreation(order: ListOrder): boolean {
  return order === 'newestFirst' || order === 'oldestFirst';
}

export function isLatestFirst(order: ListOrder): boolean {
  return order === 'newestFirst' || order === 'latestStoreFirst' || order === 'latestUpdateFirst';
}

/** Returns the place of a conversation in an order; undefined if it has none. */
export function placeOf(conversation: Conversation, number: number, order: ListOrder): Place | undefined {
  const { createTimeMs, updateTimeMs, expireTimeMs } = conversation;
  const changed = order === 'earliestExpiryFirst' ? expireTimeMs : updateTimeMs;
  const timeMs = isByCreation(order) ? createTimeMs : changed;
  return timeMs === undefined ? undefined : { timeMs, number };
}

/** True if a place comes after another in the order. */
export function isAfter(place: Place, other: Place, latestFirst: boolean): boolean {
  const difference = place.timeMs - other.timeMs || place.number - other.number;
  return latestFirst ? difference < 0 : difference > 0;
}

/** Returns the range that a filter has of the time that an order is by: inclusive from, exclusive before. */
export function rangeOf(
  order: ListOrder,
  filter: ConversationFilter,
): { readonly fromMs: number; readonly beforeMs: number } {
  const [fromMs, beforeMs] = isByCreation(order)
    ? [filter.createTimeFromMs, filter.createTimeBeforeMs]
    : order === 'earliestExpiryFirst'
      ? [filter.expireTimeFromMs, filter.expireTimeBeforeMs]
      : [filter.updateTimeFromMs, filter.updateTimeBeforeMs];
  return { fromMs: fromMs ?? -Infinity, beforeMs: beforeMs ?? Infinity };
}

/** Returns the place before the first conversation that can be in a list. */
export function startOf({ order, filter }: Pick<ListQuery, 'order' | 'filter'>): Place {
  const { fromMs, beforeMs } = rangeOf(order, filter);
  return isLatestFirst(order) ? { timeMs: beforeMs, number: 0 } : { timeMs: fromMs, number: -1 };
}

export function positionOfPlace({ timeMs, number }: Place): ListPosition {
  return `${timeMs}.${number}` as ListPosition;
}

/** Returns the place of a position that positionOfPlace made; undefined if positionOf made it. */
export function placeAt(position: ListPosition): Place | undefined {
  const [time, number] = position.split('.');
  return number === undefined ? undefined : { timeMs: Number(time), number: Number(number) };
}

/**
 * Returns the place of the conversation with a number, in a list by creation that began in the order of
 * numbers. `storeTimeMs`: time of the first conversation from that number on; undefined if there is none.
 */
export function placeOfNumber(number: number, storeTimeMs = Infinity): Place {
  return { timeMs: storeTimeMs, number };
}
