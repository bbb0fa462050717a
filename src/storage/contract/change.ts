import type { Conversation, ConversationSpec, MessageRecord, SegmentHash } from '../../model/index.js';
import type { MessageSequence } from './packed-messages.js';

declare const segmentKeyBrand: unique symbol;

/** A backend's own handle of a stored segment. Never used again for another one. */
export type SegmentKey = (number | string) & { readonly [segmentKeyBrand]: true };

export interface FoundSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
}

export interface StoredSegment extends FoundSegment {
  readonly frameBytes: number;
}

/**
 * Numbers of segments that messages name, one after the other, 0 where one was not found. Each names these tokens for
 * ever, but may have been deleted since. Of a backend whose keys are numbers.
 */
export type ResolvedIds = Uint32Array;

/** A segment to store: a frame that decodes to the tokens that the hash names. */
export interface NewSegment {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly frame: Uint8Array;
}

/** A reference that an outside holder has; the holder is a name of 1 to limits.holderBytesMax bytes of UTF-8. */
export interface OutsideReference {
  readonly hash: SegmentHash;
  readonly holder: string;
}

/** What a write expects of the conversation that it names. */
export type Expectation =
  /** Not there, or there with the very same content: then nothing changes. */
  | { readonly kind: 'absentOrSame' }
  /** Exactly this revision; 0 says that there is none. */
  | { readonly kind: 'revision'; readonly revision: number };

/** One atomic change. */
export interface Change {
  /**
   * Makes the change once: under an id that a change has had since `notBeforeMs`, the result is that of the first,
   * and nothing is written. Refused with REQUEST_ID_REUSED where the digests differ.
   */
  readonly request?: RequestMark;
  /**
   * Segments that the change may need. One that is stored already keeps its frame; one that nothing refers
   * to after the change is garbage from this moment, also where it was garbage before.
   */
  readonly newSegments?: readonly NewSegment[];
  /** Puts a manifest: creates the conversation, or replaces its fields and messages. */
  readonly put?: {
    readonly spec: ConversationSpec;
    readonly messages: MessageSequence;
    /** What the messages name, where it was looked up already. */
    readonly found?: ResolvedIds;
    readonly expect: Expectation;
    /** Becomes update_time, and create_time when it is created; times never go backwards in creation order. */
    readonly timeMs: number;
    /** Of each whole block of its tokens the fingerprint: it is found by them. Absent: it is not found. */
    readonly prefix?: Uint8Array;
  };
  /** Adds messages to a stored conversation, which has one revision more then. Costs what is added, not what is there. */
  readonly append?: {
    readonly id: string;
    readonly messages: readonly MessageRecord[];
    readonly found?: ResolvedIds;
    readonly revision?: number;
    readonly timeMs: number;
    /**
     * Fingerprints of the blocks that become whole, when the messages come after so many tokens; the change is
     * refused with PREFIX_OUTDATED when they do not.
     */
    readonly prefix?: { readonly afterTokens: number; readonly blocks: Uint8Array };
  };
  /**
   * Creates a conversation `newId` with the fields and the first messages of a stored one, which becomes its
   * parent. RANGE_PAST_END when that has fewer; CONVERSATION_EXISTS when there is another conversation
   * `newId`, while one with the very same content is not changed.
   */
  readonly fork?: {
    readonly id: string;
    readonly newId: string;
    /** All when undefined. */
    readonly messageCount: number | undefined;
    readonly revision?: number;
    readonly timeMs: number;
    /** Whether it is found by the blocks that it shares with its parent, as far as that is. */
    readonly indexed?: boolean;
  };
  /** Deletes a manifest; CONVERSATION_NOT_FOUND when it is not there. */
  readonly delete?: {
    readonly id: string;
    readonly revision?: number;
    readonly timeMs: number;
  };
  /** Adds outside references, in order; one that is there already stays the one it is. */
  readonly addReferences?: readonly OutsideReference[];
  /** Removes outside references, in order; one that is not there is not an error. What manifests hold stays held. */
  readonly removeReferences?: readonly OutsideReference[];
  /**
   * Deletes segments that nothing refers to and no open snapshot may read. The others are left, and not an
   * error; so is what becomes garbage with this very change.
   */
  readonly deleteSegments?: readonly SegmentHash[];
  /**
   * Registers a registry: frames may name it from this commit on. Its id must be above every other's,
   * else REGISTRY_CONFLICT.
   */
  readonly putRegistry?: { readonly bytes: Uint8Array; readonly timeMs: number };
  /** Puts another frame of the same tokens in place of a stored one, where that is still the expected one. */
  readonly replaceFrames?: readonly FrameReplacement[];
  /** Removes those of these registries that no frame names any more. */
  readonly dropRegistries?: readonly number[];
  /**
   * Deletes segments that are garbage at the moment of the commit, have been since garbageBeforeMs or
   * earlier, and are not in use by an open snapshot. The others are left, and not an error.
   */
  readonly collect?: {
    readonly keys: readonly SegmentKey[];
    readonly garbageBeforeMs: number;
  };
}

export interface FrameReplacement {
  readonly key: SegmentKey;
  readonly expected: Uint8Array;
  readonly frame: Uint8Array;
}

/** A caller's own id of a request, 1 to limits.requestIdBytesMax bytes of UTF-8, and what tells its content from others. */
export interface RequestMark {
  readonly id: string;
  /** 32 lower-case hexadecimal digits. */
  readonly digest: string;
  /** Older ones are forgotten; see isRemembered(). */
  readonly notBeforeMs: number;
  readonly timeMs: number;
}

/** What a put, an append or a fork made. */
export interface ManifestOutcome {
  readonly conversation: Conversation;
  /** The very same content was there, and nothing was written. */
  readonly unchanged: boolean;
  /** Distinct segments that the messages put or appended name; of a fork, none. */
  readonly segments: number;
  /** Of these, the ones that this commit added. */
  readonly newSegments: number;
  readonly newTokens: number;
  readonly newFrameBytes: number;
}

/** Of the lists of a change, results stand in the same order. */
export interface ChangeResult {
  /** The change was made before, under the same request id: this is what it did then. */
  readonly replayed?: boolean;
  readonly put?: ManifestOutcome;
  readonly append?: ManifestOutcome;
  readonly fork?: ManifestOutcome;
  /** For a delete. */
  readonly delete?: { readonly releasedReferences: number; readonly garbageSegments: number };
  /** For addReferences and removeReferences, item by item: how it left the segment. */
  readonly addReferences?: readonly ReferenceOutcome[];
  readonly removeReferences?: readonly ReferenceOutcome[];
  /** For deleteSegments, item by item. */
  readonly deleteSegments?: readonly DeletionOutcome[];
  /** Whether the frame was replaced: it was the expected one. */
  readonly replaceFrames?: readonly boolean[];
  /** The registries that were removed. */
  readonly dropRegistries?: readonly number[];
  /** For a collect: what was really deleted. */
  readonly collect?: { readonly segments: number; readonly frameBytes: number };
}

/** The segment's references, its manifests' included; undefined where the segment is not stored. */
export type ReferenceOutcome = { readonly refCount: number } | undefined;

/** Undefined where the segment is not stored. One without references was left to an open snapshot. */
export type DeletionOutcome = { readonly deleted: boolean; readonly refCount: number } | undefined;
