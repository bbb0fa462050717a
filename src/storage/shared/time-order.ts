import type { Conversation } from '../../model/index.js';
import type { ListOrder, ListPosition, ListQuery } from '../contract/queries.js';

/** Place of a conversation in a list by update or expire time: that time, then its number. */
export interface Place {
  readonly timeMs: number;
  readonly number: number;
}

/** True if an order is by a time that changes of a conversation can change. */
export function isByTime(order: ListOrder): boolean {
  return order !== 'newestFirst' && order !== 'oldestFirst';
}

/** Returns the place of a conversation in such an order; undefined if it has none. */
export function placeOf(conversation: Conversation, number: number, order: ListOrder): Place | undefined {
  const { updateTimeMs, expireTimeMs } = conversation;
  const timeMs = order === 'earliestExpiryFirst' ? expireTimeMs : updateTimeMs;
  return timeMs === undefined ? undefined : { timeMs, number };
}

/** True if a place comes after another in the order. */
export function isAfter(place: Place, other: Place, latestFirst: boolean): boolean {
  const difference = place.timeMs - other.timeMs || place.number - other.number;
  return latestFirst ? difference < 0 : difference > 0;
}

/** Returns the place before the first conversation that can be in a list. */
export function startOf({ order, filter }: Pick<ListQuery, 'order' | 'filter'>): Place {
  if (order === 'latestUpdateFirst') return { timeMs: filter.updateTimeBeforeMs ?? Infinity, number: 0 };
  const fromMs = order === 'earliestExpiryFirst' ? filter.expireTimeFromMs : filter.updateTimeFromMs;
  return { timeMs: fromMs ?? -Infinity, number: -1 };
}

export function positionOfPlace({ timeMs, number }: Place): ListPosition {
  return `${timeMs}.${number}` as ListPosition;
}

/** Returns the place of a position that positionOfPlace made. */
export function placeAt(position: ListPosition): Place {
  const [time, number] = position.split('.');
  return { timeMs: Number(time), number: Number(number) };
}
