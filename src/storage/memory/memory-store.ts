import type { Conversation, MessageRecord, SegmentHash } from '../../model/index.js';

export interface MemorySegment {
  readonly id: number;
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly frame: Uint8Array;
  /** Numbers of the conversations that name it. */
  readonly holders: Set<number>;
  /** Set while nothing names it. */
  garbage: { readonly sinceMs: number; readonly sequence: number } | undefined;
}

/** Never changed once it is stored: a replacement is a new one under the same number. */
export interface MemoryConversation {
  readonly number: number;
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
  readonly segmentIds: ReadonlySet<number>;
}

/** Everything a memory backend holds. Only a commit changes it. */
export class MemoryStore {
  readonly segments = new Map<number, MemorySegment>();
  readonly segmentByHash = new Map<SegmentHash, MemorySegment>();
  readonly conversations = new Map<number, MemoryConversation>();
  readonly numberById = new Map<string, number>();
  nextSegment = 1;
  nextConversation = 1;
  lastCreateTimeMs = 0;
  /** The number of commits so far. */
  sequence = 0;

  find(id: string): MemoryConversation | undefined {
    const number = this.numberById.get(id);
    return number === undefined ? undefined : this.conversations.get(number);
  }

  addSegment(hash: SegmentHash, tokenCount: number, frame: Uint8Array, nowMs: number): void {
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

  hold(id: number, holder: number): void {
    const segment = this.segments.get(id);
    segment?.holders.add(holder);
    if (segment) segment.garbage = undefined;
  }

  /** Whether the segment is garbage now. */
  release(id: number, holder: number, nowMs: number): boolean {
    const segment = this.segments.get(id);
    segment?.holders.delete(holder);
    if (segment?.holders.size !== 0) return false;
    segment.garbage = { sinceMs: nowMs, sequence: this.sequence };
    return true;
  }

  removeSegment(segment: MemorySegment): void {
    this.segments.delete(segment.id);
    this.segmentByHash.delete(segment.hash);
  }
}
