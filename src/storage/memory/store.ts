import {
  assert,
  type Conversation,
  type MessageRecord,
  present,
  type SegmentHash,
} from '../../model/index.js';
import type { ChangeResult, NewSegment, RequestMark } from '../contract/change.js';

export interface MemorySegment {
  readonly id: number;
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  frame: Uint8Array;
  /** Numbers of the conversations, and names of the outside holders, that refer to it. */
  readonly holders: Set<number | string>;
  /** Set while it has no references. */
  garbage: { readonly sinceMs: number; readonly sequence: number } | undefined;
}

/** Never changed once it is stored: a replacement is a new one under the same number. */
export interface MemoryConversation {
  readonly number: number;
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
  readonly segmentIds: ReadonlySet<number>;
  /** Fingerprints of its first blocks, in hex. */
  readonly prefix: readonly string[];
}

/** Content of a memory backend. Only a commit changes it. */
export class MemoryStore {
  readonly segments = new Map<number, MemorySegment>();
  readonly segmentByHash = new Map<SegmentHash, MemorySegment>();
  readonly conversations = new Map<number, MemoryConversation>();
  readonly registries = new Map<number, { readonly bytes: Uint8Array; readonly createTimeMs: number }>();
  readonly numberById = new Map<string, number>();
  /** Requests by id, oldest first. */
  readonly requests = new Map<string, RequestMark & { readonly result: ChangeResult }>();
  nextSegment = 1;
  nextConversation = 1;
  lastCreateTimeMs = 0;
  /** Number of commits so far. */
  sequence = 0;

  find(id: string): MemoryConversation | undefined {
    const number = this.numberById.get(id);
    return number === undefined ? undefined : this.conversations.get(number);
  }

  addSegment({ hash, tokenCount, frame }: NewSegment, nowMs: number): void {
    assert(!this.segmentByHash.has(hash), 'a segment is stored once', hash);
    const segment: MemorySegment = {
      id: this.nextSegment++,
      hash,
      tokenCount,
      frame: frame.slice(),
      holders: new Set(),
      garbage: { sinceMs: nowMs, sequence: this.sequence },
    };
    this.segments.set(segment.id, segment);
    this.segmentByHash.set(hash, segment);
  }

  hold(id: number, holder: number | string): void {
    const segment = this.#stored(id);
    segment.holders.add(holder);
    segment.garbage = undefined;
  }

  /** Returns whether the segment is garbage now. An outside holder may not hold it. */
  release(id: number, holder: number | string, nowMs: number): boolean {
    const segment = this.#stored(id);
    const held = segment.holders.delete(holder);
    assert(held || typeof holder === 'string', 'a conversation holds what it names', id);
    if (!held || segment.holders.size > 0) return false;
    this.markGarbage(segment, nowMs);
    return true;
  }

  markGarbage(segment: MemorySegment, nowMs: number): void {
    segment.garbage = { sinceMs: nowMs, sequence: this.sequence };
  }

  removeSegment(segment: MemorySegment): void {
    assert(segment.holders.size === 0, 'only segments without references are deleted', segment.id);
    this.segments.delete(segment.id);
    this.segmentByHash.delete(segment.hash);
  }

  #stored(id: number): MemorySegment {
    return present(this.segments.get(id), 'what is referred to is stored', id);
  }
}
