import type { ListPosition } from '../contract/queries.js';

/** Position of the conversation with this number, in backends that number them in creation order. */
export function positionOf(number: number): ListPosition {
  return String(number) as ListPosition;
}

/** Number of the conversation at a position that positionOf made. */
export function numberAt(position: ListPosition): number {
  return Number(position);
}
