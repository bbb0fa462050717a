import type { BlockId, ConversationNumber, NodeId, SegmentId } from '../../../src/storage/lmdb/tables/ids.js';

/** Numbers of a test as what they stand for. */
export const segmentId = (id: number): SegmentId => id as SegmentId;
export const segmentIds = (...ids: number[]): SegmentId[] => ids as SegmentId[];
export const blockId = (id: number): BlockId => id as BlockId;
export const blockIds = (...ids: number[]): BlockId[] => ids as BlockId[];
export const nodeId = (number: number): NodeId => number as NodeId;
export const conversationNumber = (number: number): ConversationNumber => number as ConversationNumber;
