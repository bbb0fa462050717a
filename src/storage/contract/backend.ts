import type { Conversation, SegmentHash, VaultStats } from '../../model/index.js';
import type { Change, ChangeResult, FoundSegment, SegmentKey } from './change.js';
import type { CheckOptions, RepairOptions, RepairReport, Violation } from './checks.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  PrefixFinding,
  PrefixQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from './queries.js';

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

  /**
   * The most whole blocks that stored conversations begin with as these tokens do, and those that do. Looks at
   * fingerprints alone. Absent where a storage cannot.
   */
  findPrefix?(query: PrefixQuery): Promise<PrefixFinding>;

  /** Absent where a storage cannot; see MaintainedBackend. */
  readonly repair?: MaintainedBackend['repair'];
  readonly backup?: MaintainedBackend['backup'];
  readonly reclaimableBytes?: MaintainedBackend['reclaimableBytes'];
  readonly defragment?: MaintainedBackend['defragment'];

  /** By rising id. */
  listRegistries(): Promise<StoredRegistry[]>;

  readRegistry(id: number): Promise<Uint8Array | undefined>;

  /** Stored segments in key order, with their frames; without those that cannot be read, which check() names. */
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
  findPrefix(query: PrefixQuery): Promise<PrefixFinding>;

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

  /** Bytes that condense() would free, about. Rejects with CANCELLED. */
  reclaimableBytes(signal: AbortSignal): Promise<number>;

  /**
   * Writes what stands in half-empty pages anew, where that saves a good part of them: deletion leaves such pages,
   * and so do records that come in no order. Nothing that is stored changes; others read and write meanwhile.
   * Rejects with CANCELLED, WRITES_STOPPED, COMMIT_FAILED; what is written until then stays.
   */
  defragment(signal: AbortSignal): Promise<void>;
}

export interface StorageHealth {
  readonly writable: boolean;
  /** Why it is not. */
  readonly cause?: string;
}
