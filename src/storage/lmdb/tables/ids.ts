import type { SegmentKey } from '../../contract/change.js';
import { segmentNotFound } from '../../shared/refusals.js';

declare const segmentId: unique symbol;
declare const blockId: unique symbol;
declare const conversationNumber: unique symbol;
declare const stringCode: unique symbol;
declare const nodeId: unique symbol;

/**
 * Numbers by which records name each other, from 1 on, each given out once. A number gets its type where it
 * is taken from the state, or decoded from a record or a key; then none is mistaken for another.
 */
export type SegmentId = number & { readonly [segmentId]: true };
/** Number of a block of a message list. */
export type BlockId = number & { readonly [blockId]: true };
/** Number of a conversation, in the order of first stores. */
export type ConversationNumber = number & { readonly [conversationNumber]: true };
/** Number of a text in the table of strings. */
export type StringCode = number & { readonly [stringCode]: true };
/** Number of a node of the prefix index; 0: before all blocks, where no node is. */
export type NodeId = number & { readonly [nodeId]: true };

/** Returns the key by which the storage's callers name a segment: its id. */
export function keyOf(id: SegmentId): SegmentKey {
  return id as number as SegmentKey;
}

/** Returns the id in a caller's key. @throws StowkenError SEGMENT_NOT_FOUND for another storage's */
export function idOf(key: SegmentKey): SegmentId {
  if (typeof key !== 'number') throw segmentNotFound(key);
  return key as number as SegmentId;
}

/** In the place of an id: the segment is not stored. */
export const NOT_STORED = 0 as SegmentId;

/** Returns the id after that of a caller's key; the first one without a key. */
export function idAfter(key: SegmentKey | undefined): SegmentId {
  return (key === undefined ? 1 : idOf(key) + 1) as SegmentId;
}
