import type {
  Conversation,
  ConversationSpec,
  Expiry,
  MessageRecord,
  SegmentHash,
} from '../../model/index.js';
import type { ConversationFilter } from './filter.js';
import type { MessageSequence } from './packed-messages.js';

declare const segmentKeyBrand: unique symbol;

/** A backend's own handle of a stored segment. Never reused for another segment. */
export type SegmentKey = (number | string) & { readonly [segmentKeyBrand]: true };

export interface FoundSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
}

export interface StoredSegment extends FoundSegment {
  readonly frameBytes: number;
}

/**
 * Segment ids of a message list, in order; 0 for a segment that was not found. An id names the same tokens
 * for ever, but its segment may have been deleted since the lookup. Used by backends whose keys are numbers.
 */
export type ResolvedIds = Uint32Array;

/** A segment to store: a frame that decodes to the tokens that the hash names. */
export interface NewSegment {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly frame: Uint8Array;
}

/** A reference of an outside holder; the holder is a name of 1 to limits.holderBytesMax bytes of UTF-8. */
export interface OutsideReference {
  readonly hash: SegmentHash;
  readonly holder: string;
}

/** State of a conversation that was stored elsewhere before. */
export interface KeptState {
  readonly revision: number;
  /** A store time before that of the newest conversation becomes that one's. */
  readonly storeTimeMs: number;
  readonly updateTimeMs: number;
}

/**
 * Mark of one state of a conversation among all of its id. The revision alone would not do: one that is
 * stored again after its deletion begins with 1, too.
 */
export type ConversationState = Pick<
  Conversation,
  'revision' | 'storeTimeMs' | 'updateTimeMs' | 'totalTokens'
>;

/** Expected state of the conversation that a write names. */
export type Expectation =
  /** Absent, or present with the very same content: then nothing changes. */
  | { readonly kind: 'absentOrSame' }
  /** Exactly this revision; 0 means absent. */
  | { readonly kind: 'revision'; readonly revision: number };

/** An exclusive right as it was taken: by its number, a later holder is told from this one. */
export interface LeaseFence {
  readonly name: string;
  readonly number: number;
}

/** One atomic change. */
export interface Change {
  /**
   * Makes the change only while nobody else has got the right since; otherwise it is refused with CANCELLED.
   */
  readonly fence?: LeaseFence;
  /**
   * Makes the change at most once. If a change with this id was made since `notBeforeMs`, its result is
   * returned and nothing is written. Refused with REQUEST_ID_REUSED if the digests differ.
   */
  readonly request?: RequestMark;
  /**
   * Segments that the change may need. A segment that is stored already keeps its frame. A segment without
   * references after the change is garbage from this moment, even if it was garbage before.
   */
  readonly newSegments?: readonly NewSegment[];
  /**
   * Id of the conversation that is going to name the new segments, if this change does not: a backend that
   * has conversations apart keeps them beside it.
   */
  readonly segmentsOf?: string;
  /** New segments that the same request stored in commits before this one; its outcome counts them too. */
  readonly storedEarlier?: StoredTotals;
  /** Puts a manifest: creates the conversation, or replaces its fields and messages. */
  readonly put?: {
    readonly spec: ConversationSpec;
    readonly messages: MessageSequence;
    /** Ids of the messages' segments, if they were looked up already. */
    readonly found?: ResolvedIds;
    readonly expect: Expectation;
    /**
     * Becomes update_time, and create_time if the conversation is created. Create times never decrease in
     * creation order.
     */
    readonly timeMs: number;
    /**
     * Revision and times that the conversation keeps; absent: it gets those of this change. `expect` is a
     * revision then.
     */
    readonly keeps?: KeptState;
    /**
     * Fingerprint of each whole block of its tokens, by which the prefix index finds it. Absent: the
     * conversation is not indexed.
     */
    readonly prefix?: Uint8Array;
    /** A conversation of this id that has expired is absent: it is deleted, and a new one created. */
    readonly expiry?: Expiry;
  };
  /**
   * Adds messages to a stored conversation and increments its revision. The cost is that of the messages
   * added, not of the stored ones.
   */
  readonly append?: {
    readonly id: string;
    readonly messages: readonly MessageRecord[];
    readonly found?: ResolvedIds;
    readonly revision?: number;
    readonly timeMs: number;
    /**
     * Fingerprints of the blocks that the new messages complete, if the conversation is still as it was when
     * its end was read. Otherwise the change is refused with PREFIX_OUTDATED.
     */
    readonly prefix?: { readonly after: ConversationState; readonly blocks: Uint8Array };
    /** Tokenizer of the messages' texts: if the conversation has another one, PREFIX_OUTDATED. */
    readonly tokenizer?: string;
    /** A conversation that has expired is absent. */
    readonly expiry?: Expiry;
  };
  /**
   * Creates a conversation `newId` with the fields and the first messages of a stored one, which becomes its
   * parent. Refused with RANGE_PAST_END if the parent has fewer messages, and with CONVERSATION_EXISTS if
   * another conversation `newId` exists. If that one has the very same content, nothing changes. Refused
   * with INVALID_FIELD if the same change puts `newId`.
   */
  readonly fork?: {
    readonly id: string;
    readonly newId: string;
    /** All messages if undefined. */
    readonly messageCount: number | undefined;
    readonly revision?: number;
    readonly timeMs: number;
    /**
     * True if the prefix index should find the fork by the blocks that it shares with its parent, as far as
     * the parent is indexed.
     */
    readonly indexed?: boolean;
    /** Conversations that have expired are absent: a parent is not found, one of the new id is deleted. */
    readonly expiry?: Expiry;
  };
  /** Deletes a manifest; refused with CONVERSATION_NOT_FOUND if it does not exist. */
  readonly delete?: {
    readonly id: string;
    readonly revision?: number;
    readonly timeMs: number;
    /** Deletes only a conversation that has expired: another one is not found. */
    readonly expiry?: Expiry;
    /** Deletes only a conversation that passes, as it is at the commit: another one is not found. */
    readonly filter?: ConversationFilter;
  };
  /** Adds outside references, in order. One that exists already is not added a second time. */
  readonly addReferences?: readonly OutsideReference[];
  /**
   * Removes outside references, in order. A missing one is not an error. References of manifests are not
   * touched.
   */
  readonly removeReferences?: readonly OutsideReference[];
  /**
   * Deletes segments that have no references and that no open snapshot may read. The others are left, which
   * is not an error; so are segments that become garbage with this very change.
   */
  readonly deleteSegments?: readonly SegmentHash[];
  /**
   * Registers a registry: frames may name it from this commit on. Its id must be greater than every other's;
   * otherwise the change is refused with REGISTRY_CONFLICT.
   */
  readonly putRegistry?: { readonly bytes: Uint8Array; readonly timeMs: number };
  /**
   * Keeps the vocabulary of a tokenizer under its name, for good. If the vault keeps it already nothing
   * changes; if it keeps another one the change is refused with TOKENIZER_CHANGED.
   */
  readonly putTokenizer?: KeptTokenizer & { readonly name: string };
  /**
   * Replaces a stored frame by another frame of the same tokens, if the stored frame is still the expected
   * one.
   */
  readonly replaceFrames?: readonly FrameReplacement[];
  /** Removes those of these registries that no frame names. */
  readonly dropRegistries?: readonly number[];
  /**
   * Deletes segments that are garbage at the moment of the commit, have been so since garbageBeforeMs or
   * earlier, and are not in use by an open snapshot. The others are left, which is not an error.
   */
  readonly collect?: {
    readonly keys: readonly SegmentKey[];
    readonly garbageBeforeMs: number;
  };
}

/** Vocabulary of a tokenizer as a vault keeps it. */
export interface KeptTokenizer {
  /** SHA-256 of the vocabulary, in hex. */
  readonly sha256: string;
  /** The vocabulary's file, packed with brotli. */
  readonly packed: Uint8Array;
}

export interface FrameReplacement {
  readonly key: SegmentKey;
  readonly expected: Uint8Array;
  readonly frame: Uint8Array;
}

/**
 * A caller's own id of a request, 1 to limits.requestIdBytesMax bytes of UTF-8, and the digest of its
 * content.
 */
export interface RequestMark {
  readonly id: string;
  /** 32 lower-case hexadecimal digits. */
  readonly digest: string;
  /** Older requests are forgotten; see isRemembered(). */
  readonly notBeforeMs: number;
  readonly timeMs: number;
}

/** Result of a put, an append or a fork. */
export interface ManifestOutcome {
  readonly conversation: Conversation;
  /** True if the very same content was stored already and nothing was written. */
  readonly unchanged: boolean;
  /** Distinct segments that the messages put or appended name; 0 for a fork. */
  readonly segments: number;
  /** Those of them that this commit added. */
  readonly newSegments: number;
  readonly newTokens: number;
  readonly newFrameBytes: number;
}

/** Result of a change. Each result list has the order of its request list. */
/** Totals of segments that were stored. */
export interface StoredTotals {
  readonly segments: number;
  readonly tokens: number;
  readonly frameBytes: number;
}

export interface ChangeResult {
  /** True if the change was made before under the same request id: this is its result then. */
  readonly replayed?: boolean;
  readonly put?: ManifestOutcome;
  readonly append?: ManifestOutcome;
  readonly fork?: ManifestOutcome;
  /** Result of a delete. */
  readonly delete?: { readonly releasedReferences: number; readonly garbageSegments: number };
  /**
   * Results of addReferences and removeReferences, item by item: the references that the segment has
   * afterwards.
   */
  readonly addReferences?: readonly ReferenceOutcome[];
  readonly removeReferences?: readonly ReferenceOutcome[];
  /** Results of deleteSegments, item by item. */
  readonly deleteSegments?: readonly DeletionOutcome[];
  /** True for each frame that was replaced because the stored frame was the expected one. */
  readonly replaceFrames?: readonly boolean[];
  /** The registries that were removed. */
  readonly dropRegistries?: readonly number[];
  /** Segments that a collect really deleted. */
  readonly collect?: { readonly segments: number; readonly frameBytes: number };
}

/** References of the segment, its manifests' included; undefined if the segment is not stored. */
export type ReferenceOutcome = { readonly refCount: number } | undefined;

/**
 * Undefined if the segment is not stored. A segment without references that was not deleted may be in use by
 * an open snapshot.
 */
export type DeletionOutcome = { readonly deleted: boolean; readonly refCount: number } | undefined;
