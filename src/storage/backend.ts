import type {
  Conversation,
  ConversationSpec,
  MessageRecord,
  SegmentHash,
  Speaker,
  VaultStats,
} from '../model/index.js';

/**
 * What keeps a vault. The unit of change is an atomic commit: all of a change or nothing of it,
 * durable when the promise resolves. Callers never handle a counter: references are facts (which
 * manifest, or which outside holder, holds which segment), and counts, garbage and statistics follow from
 * them in the same commit.
 *
 * A manifest is one holder: a segment that it names several times has one reference from it. (A long message
 * list may be kept in parts, which are shared with forks; then each part is a holder.) An outside holder is a name; it has nothing to do with a conversation of that name.
 * All methods reject with StowkenError; a rejected commit has written nothing.
 */
export interface StorageBackend {
  /** "lmdb", "memory", ... as GetCapabilities reports it. */
  readonly kind: string;

  /** 16 random bytes in hex, made with the vault and kept with it; salts and seals what must not pass between vaults. */
  readonly vaultId: string;

  /**
   * Applies a change. Preconditions are checked first, in the order written here, then everything is written.
   * Rejects with REQUEST_ID_REUSED, REVISION_MISMATCH, CONVERSATION_EXISTS, CONVERSATION_NOT_FOUND,
   * RANGE_PAST_END, SEGMENT_MISSING (metadata.hashes: comma-separated), CORRUPT_SEGMENT (a replacement that
   * has other tokens) without effect; COMMIT_FAILED, WRITES_STOPPED. The parts are made in the order written here.
   */
  commit(change: Change): Promise<ChangeResult>;

  /** Which of these are stored, in the order asked. A segment found may still be collected before a commit names it. */
  findSegments(hashes: readonly SegmentHash[]): Promise<(FoundSegment | undefined)[]>;

  /**
   * The frames of these segments, in the order asked; each buffer belongs to the caller. The caller
   * bounds the batch. Rejects with SEGMENT_NOT_FOUND or CORRUPT_STORE.
   */
  readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]>;

  /** The hashes of these segments, in the order asked. Rejects as readFrames does. */
  readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]>;

  /** The references of each of these segments, in the order asked; undefined where it is not stored any more. */
  countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]>;

  /** A conversation without its messages. */
  getConversation(id: string): Promise<Conversation | undefined>;

  /** One revision of a conversation, to be read at leisure. The caller must release() it. */
  openConversation(id: string): Promise<ConversationSnapshot | undefined>;

  /**
   * Until the function that it returns is called, nothing that becomes garbage from now on is collected: what
   * a caller stores ahead of the manifest that will name it, and what it found with a reference.
   */
  lease(): () => void;

  listConversations(query: ListQuery): Promise<ConversationPage>;

  /** Garbage in a fixed order, a page at a time. */
  listGarbage(query: GarbageQuery): Promise<GarbagePage>;

  stats(): Promise<VaultStats>;

  /** Compares every record with every other and decodes every frame; resolves to what is wrong, or nothing. */
  check(options?: CheckOptions): Promise<Violation[]>;

  /** Absent where a storage cannot; see MaintainedBackend. */
  readonly repair?: MaintainedBackend['repair'];
  readonly backup?: MaintainedBackend['backup'];

  /** By rising id. */
  listRegistries(): Promise<StoredRegistry[]>;

  readRegistry(id: number): Promise<Uint8Array | undefined>;

  /** Stored segments in key order, with their frames. */
  scanSegments(query: ScanQuery): Promise<SegmentScan>;

  /** Finishes the commits under way, refuses further ones, and lets go of files. */
  close(): Promise<void>;
}

/** A backend as its factory gives it to whoever runs it. */
export interface ManagedBackend extends StorageBackend {
  /** Whether it takes writes: not after a commit failed. Reads go on. */
  health(): StorageHealth;
}

/** A backend that can rebuild and copy what it keeps. */
export interface MaintainedBackend extends ManagedBackend {
  /**
   * Makes everything anew that follows from other records: counts, garbage, indexes, statistics. Nothing else
   * is done meanwhile. Says what was wrong before and is not now, and what still is: it cannot be rebuilt.
   * A vault that is whole is not written. Rejects with WRITES_STOPPED, COMMIT_FAILED.
   */
  repair(options?: RepairOptions): Promise<RepairReport>;

  /**
   * A copy of one state, to be read at leisure, in chunks of at most limits.backupChunkBytes: what
   * docs/storage-format.md calls a backup. The server goes on meanwhile. Rejects with CANCELLED when the
   * signal aborts; however it ends, nothing of it is left.
   */
  backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void>;
}

export interface StorageHealth {
  readonly writable: boolean;
  /** Why it is not. */
  readonly cause?: string;
}

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
    readonly messages: readonly MessageRecord[];
    readonly expect: Expectation;
    /** Becomes update_time, and create_time when it is created; times never go backwards in creation order. */
    readonly timeMs: number;
  };
  /** Adds messages to a stored conversation, which has one revision more then. Costs what is added, not what is there. */
  readonly append?: {
    readonly id: string;
    readonly messages: readonly MessageRecord[];
    readonly revision?: number;
    readonly timeMs: number;
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
  /** Older ones are forgotten. */
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

/** A registry, and the frames that name it. */
export interface StoredRegistry {
  readonly id: number;
  readonly bytes: number;
  readonly createTimeMs: number;
  readonly segments: number;
  readonly tokens: number;
  readonly frameBytes: number;
}

export interface ScanQuery {
  /** The last scan's `next`. */
  readonly after?: SegmentKey;
  readonly limit: number;
  /** Bytes of frames; one segment is returned in any case. */
  readonly bytesMax: number;
}

export interface ScannedSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  /** The caller's own. */
  readonly frame: Uint8Array;
}

export interface SegmentScan {
  readonly segments: readonly ScannedSegment[];
  readonly next: SegmentKey | undefined;
}

/** A message as a snapshot gives it. */
export interface StoredMessage extends Speaker {
  readonly tokenCount: number;
  readonly segments: readonly { readonly key: SegmentKey; readonly tokenCount: number }[];
}

/** One revision of a conversation. Until release(), no segment that it names is collected. */
export interface ConversationSnapshot {
  readonly conversation: Conversation;
  /** The messages from number `from` on (0 when undefined), decoded as they are asked for: what is passed over costs next to nothing. */
  messages(from?: number): Iterable<StoredMessage>;
  /** Which message has the token at this offset, or messageCount at the end; and the tokens before that message. */
  locate(tokenOffset: number): { readonly message: number; readonly tokensBefore: number };
  release(): void;
}

export interface ConversationFilter {
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  /** At or after. */
  readonly createTimeFromMs?: number;
  /** Before. */
  readonly createTimeBeforeMs?: number;
  readonly tokensMin?: number;
  readonly tokensMax?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListQuery {
  readonly filter: ConversationFilter;
  readonly order: 'newestFirst' | 'oldestFirst';
  readonly limit: number;
  /** Conversations to look at before the page ends, full or not. */
  readonly scanLimit: number;
  /** The last page's `next`. */
  readonly after?: number;
}

export interface ConversationPage {
  readonly conversations: readonly Conversation[];
  /** The position after which the next page begins, in creation order; undefined on the last page. */
  readonly next: number | undefined;
}

export interface GarbageQuery {
  readonly limit: number;
  /** Only what has been garbage since this time or earlier. */
  readonly garbageBeforeMs: number;
  /** The last page's `next`. */
  readonly after?: SegmentKey;
}

export interface GarbagePage {
  readonly segments: readonly StoredSegment[];
  readonly next: SegmentKey | undefined;
}

export interface CheckOptions {
  /**
   * "records": leaves frames undecoded, and takes what follows from files at opening as it is. Enough to tell
   * whether anything could be deleted that is still needed.
   */
  readonly depth?: 'frames' | 'records';
  /** Called now and then with records looked at and records in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** In this order; a vault that is whole is only checked. Progress is told of checks. */
export type RepairPhase = 'checking' | 'rebuilding' | 'checkingAgain';

export interface RepairOptions extends Pick<CheckOptions, 'onProgress' | 'signal'> {
  /** Called before each phase; the storage waits for it. */
  readonly onPhase?: (phase: RepairPhase) => void | Promise<void>;
}

export interface RepairReport {
  readonly repaired: readonly Violation[];
  readonly remaining: readonly Violation[];
}

/** Something that is not as it must be. */
export interface Violation {
  /** The invariant, as docs/storage-format.md names it. */
  readonly invariant: string;
  /** The record: "segment 17", "conversation x". */
  readonly subject: string;
  readonly detail: string;
}
