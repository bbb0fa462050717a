import type { Expiry } from '../../model/index.js';
import type { SegmentKey } from './change.js';

/** Order of shared segments: by references, or by the tokens of all references but one. */
export type SharedOrder = 'references' | 'tokensSaved';

export interface SharedQuery {
  readonly order: SharedOrder;
  /** At most limits.pageSizeMax. */
  readonly limit: number;
  /** Conversations that have expired by it are not named as holders. */
  readonly expiry?: Expiry;
  readonly signal: AbortSignal;
}

/** A segment that has several references. */
export interface SharedFinding {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  readonly references: number;
  /**
   * Create times of the first and the last conversation that were seen with it, whether or not they are
   * still there; undefined if none was.
   */
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Conversation that has it, the first one if it is still there; undefined if none is found. */
  readonly holder: SharedHolder | undefined;
}

/** First message of a conversation that has a segment. */
export interface SharedHolder {
  readonly conversationId: string;
  readonly messageIndex: number;
  readonly role: string;
}

export interface UseTimesQuery {
  readonly key: SegmentKey;
  /** Conversations that have expired by it are left out. */
  readonly expiry?: Expiry;
  readonly signal: AbortSignal;
}

/** Some of the conversations that have a segment. */
export interface UseTimes {
  readonly createTimesMs: readonly number[];
  /** Conversations looked at for these, and those of them that cannot be read. */
  readonly looked: number;
  readonly damaged: number;
}
