import type { Conversation, SegmentHash, VaultStats } from '../../model/index.js';
import type { Change, ChangeResult, FoundSegment, KeptTokenizer, LeaseFence, SegmentKey } from './change.js';
import type {
  CheckedPart,
  CheckOptions,
  CheckPartQuery,
  RepairOptions,
  RepairReport,
  Violation,
} from './checks.js';
import type { Forgotten, ForgetQuery, Overwritten, OverwriteOptions } from './erasure.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  PrefixFinding,
  PrefixQuery,
  ReadAhead,
  ReferencePage,
  ReferenceQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from './queries.js';
import type { DiskSpace, GiveBackOptions, GivenBack } from './space.js';
import type { WarmFinding, WarmQuery } from './warm.js';
import type { SharedFinding, SharedQuery, UseTimes, UseTimesQuery } from './shared.js';
import type { UsageQuery } from './usage.js';

/**
 * Storage of a vault. The unit of change is an atomic commit: all of a change or nothing of it, durable when
 * the promise resolves. Callers never handle a counter. References are facts (which manifest, or which
 * outside holder, holds which segment); counts, garbage and statistics follow from them in the same commit.
 *
 * A manifest is one holder: a segment that it names several times has one reference from it. (A message list
 * may be stored in parts: blocks that forks share, or the messages of each append. Then each part is a
 * holder.) An outside holder is a name, unrelated to a conversation of that name. All methods reject with
 * StowkenError; a rejected commit has written nothing.
 */
export interface StorageBackend {
  /** Kind of the storage ("lmdb", "memory", ...), as GetCapabilities reports it. */
  readonly kind: string;

  /**
   * 16 random bytes in hex, created with the vault and stored in it. Salts and seals everything that must not
   * pass between vaults.
   */
  readonly vaultId: string;

  /**
   * Applies a change. Preconditions are checked first, in the order written here; then everything is written,
   * in the order of Change's fields. Rejects with REGISTRY_CONFLICT and CORRUPT_SEGMENT (a replacement whose
   * registry is not stored, or that has other tokens), REQUEST_ID_REUSED, REGISTRY_CONFLICT (other frames,
   * and a new registry), TOKENIZER_CHANGED, INVALID_FIELD (one id is put and forked to), REVISION_MISMATCH,
   * CONVERSATION_EXISTS, CONVERSATION_NOT_FOUND, RANGE_PAST_END, SEGMENT_MISSING (metadata.hashes:
   * comma-separated) without effect; COMMIT_FAILED, WRITES_STOPPED.
   */
  commit(change: Change): Promise<ChangeResult>;

  /**
   * Looks up which of these segments are stored, in the order asked. A segment found may still be collected
   * before a commit names it.
   */
  findSegments(hashes: readonly SegmentHash[]): Promise<(FoundSegment | undefined)[]>;

  /**
   * Keys of all copies of a segment. Absent if each is stored once; a backend that has conversations apart
   * stores it beside each of those that name it, at most `copiesMax` times. countReferences() counts the
   * references of all copies for the key of any.
   */
  findCopies?(hash: SegmentHash): Promise<SegmentKey[]>;
  readonly copiesMax?: number;

  /**
   * Returns what this process remembers of these segments, in the order asked, without a look at the store.
   * Both answers may be outdated: a commit checks them. Absent, or undefined for these segments, if
   * findSegments is to be asked.
   */
  knownSegments?(hashes: readonly SegmentHash[]): (FoundSegment | undefined)[] | undefined;

  /**
   * Reads the frames of these segments, in the order asked; each buffer belongs to the caller. The caller
   * bounds the batch. Rejects with SEGMENT_NOT_FOUND or CORRUPT_STORE.
   */
  readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]>;

  /** Reads the hashes of these segments, in the order asked. Rejects as readFrames does. */
  readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]>;

  /**
   * Counts the references of each of these segments, in the order asked; undefined for one that is no longer
   * stored.
   */
  countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]>;

  /** Returns a conversation without its messages. */
  getConversation(id: string): Promise<Conversation | undefined>;

  /**
   * Opens one revision of a conversation, to be read at leisure. The caller must release() it. A backend to
   * which each question is a trip may bring what is read first in the same one; others ignore `ahead`.
   */
  openConversation(id: string, ahead?: ReadAhead): Promise<ConversationSnapshot | undefined>;

  /**
   * Stops garbage collection of everything that becomes garbage from now on, until the returned function is
   * called. It protects segments that a caller stores ahead of the manifest that will name them, and segments
   * that it found with a reference. A standing lease is held for the readers of another process, which counts
   * them itself.
   */
  lease(options?: { readonly standing: boolean }): () => void;

  /**
   * Takes the exclusive right to a kind of work, by name. Resolves to undefined while somebody else has it.
   * Absent in processes that only read.
   */
  tryLease?(name: string): Promise<ExclusiveLease | undefined>;

  listConversations(query: ListQuery): Promise<ConversationPage>;

  /** Lists garbage in a fixed order, a page at a time. */
  listGarbage(query: GarbageQuery): Promise<GarbagePage>;

  /**
   * Lists the references of outside holders in a fixed order, a page at a time. Absent if a storage cannot
   * list them.
   */
  listReferences?(query: ReferenceQuery): Promise<ReferencePage>;

  stats(): Promise<VaultStats>;

  /**
   * Compares every record with every other and decodes every frame. Resolves to the violations, an empty list
   * if there are none.
   */
  check(options?: CheckOptions): Promise<Violation[]>;

  /**
   * Finds the largest number of whole blocks that a stored conversation shares with these tokens from the
   * beginning, and the conversations that share them. Compares fingerprints only. Absent if a storage has no
   * prefix index.
   */
  findPrefix?(query: PrefixQuery): Promise<PrefixFinding>;

  /**
   * Finds the prefixes of whole blocks with the greatest product of blocks and conversations that begin with
   * them; one that a better one begins with is left out. Counts by fingerprints. Absent as findPrefix is.
   */
  warmPrefixes?(query: WarmQuery): Promise<WarmFinding[]>;

  /**
   * Finds the segments with the most references by contents of messages and from outside, or that save most
   * tokens, at a cost that does not grow with the vault. Segments of fields alone are left out. Undefined if
   * this is not known at present; then it is found by reading the vault. Absent if a storage keeps no such
   * account.
   */
  sharedSegments?(query: SharedQuery): Promise<SharedFinding[] | undefined>;

  /**
   * Yields the create times of the conversations that have a segment in a message or its fields, as of one
   * moment, in no order. Reads the records of conversations between the first and the last one with it, as a
   * rule. Absent if a storage has no faster way than to list conversations and to open each.
   */
  useTimes?(query: UseTimesQuery): AsyncIterable<UseTimes>;

  /**
   * Sets the metadata keys that lists find conversations by, and usage is counted by. The index of a new one
   * is built while others read and write; until then lists are as right, and slower. Resolves when it is
   * stored.
   * Absent if a storage has no such index, and in processes that only read.
   */
  setLabels?(labels: readonly string[]): Promise<void>;

  /**
   * Passes on the usage of a range of time, from counters that every commit keeps. They stay when content is
   * deleted. Absent if a storage does not count.
   */
  usage?(query: UsageQuery): Promise<void>;

  /**
   * Removes the usage of periods that end at a time or before. Resolves to the number of counters that are
   * gone. Absent if a storage does not count, and in processes that only read.
   */
  dropUsage?(beforeMs: number, signal: AbortSignal): Promise<number>;

  /** True if the vault was deleted by another process: nothing is in it, and it is to be opened no more. */
  readonly gone?: boolean;

  /** Sentence about derived records that opening found missing or damaged and wrote again, if any. */
  readonly mended?: string | undefined;

  /** Absent if a storage cannot be repaired; see MaintainedBackend. */
  readonly repair?: MaintainedBackend['repair'];
  readonly backup?: MaintainedBackend['backup'];
  readonly reclaimableBytes?: MaintainedBackend['reclaimableBytes'];
  readonly defragment?: MaintainedBackend['defragment'];

  /**
   * Removes what other records say of conversations that are deleted. Absent if a storage cannot erase, and
   * in processes that only read.
   */
  forget?(query: ForgetQuery): Promise<Forgotten>;

  /**
   * Overwrites everything in its files that is not content. Others read and write meanwhile; two calls must
   * not overlap. Absent as forget is. Rejects with CANCELLED, CORRUPT_STORE.
   */
  overwriteUnused?(options: OverwriteOptions): Promise<Overwritten>;

  /** Returns the space of its data file on the disk. Absent for a storage without such a file. */
  space?(): Promise<DiskSpace>;

  /**
   * Gives free pages back to the file system, while others read and write. Absent as space is, and in
   * processes that only read. Rejects with CANCELLED, CORRUPT_STORE.
   */
  giveBack?(options: GiveBackOptions): Promise<GivenBack>;

  /** Lists registries by rising id. */
  listRegistries(): Promise<StoredRegistry[]>;

  readRegistry(id: number): Promise<Uint8Array | undefined>;

  /**
   * Reads the vocabulary that the vault keeps under a tokenizer's name. Absent if a storage keeps none:
   * it refuses to put one with UNSUPPORTED_BY_STORAGE.
   */
  readTokenizer?(name: string): Promise<KeptTokenizer | undefined>;

  /**
   * Scans stored segments with their frames, in key order. Segments that cannot be read are left out; check()
   * reports them.
   */
  scanSegments(query: ScanQuery): Promise<SegmentScan>;

  /** Finishes the commits under way, refuses further ones, and closes its files. */
  close(): Promise<void>;
}

/** The exclusive right to a kind of work on a vault. */
export interface ExclusiveLease {
  /** Absent if no other process can have the right meanwhile. */
  readonly fence?: LeaseFence;
  /** Aborts if the right is lost before it is released: the work must stop. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** A backend as its factory returns it to the process that owns it. */
export interface ManagedBackend extends StorageBackend {
  /** Reports whether writes are accepted. They stop after a failed commit; reads go on. */
  health(): StorageHealth;

  /**
   * Checks the records that follow a position, each by itself and with those that it refers to: checksums,
   * frames, hashes. A small part takes a few milliseconds, and keeps nobody waiting. Going on from `next`
   * passes every record that is there all the time. It finds records that are damaged or missing where others
   * refer to them; check() also finds wrong counts. Absent if a storage has nothing that a disk could damage.
   */
  checkPart?(query: CheckPartQuery): Promise<CheckedPart>;
}

/** A backend that can rebuild and copy its data. */
export interface MaintainedBackend extends ManagedBackend {
  readTokenizer(name: string): Promise<KeptTokenizer | undefined>;

  tryLease(name: string): Promise<ExclusiveLease | undefined>;

  findPrefix(query: PrefixQuery): Promise<PrefixFinding>;

  warmPrefixes(query: WarmQuery): Promise<WarmFinding[]>;

  usage(query: UsageQuery): Promise<void>;

  /**
   * Rebuilds everything that follows from other records: counts, garbage, indexes, statistics. Nothing else
   * is done meanwhile. Reports the violations that were repaired, and those that remain because their data
   * cannot be rebuilt. A vault without violations is not written. Rejects with WRITES_STOPPED, COMMIT_FAILED.
   */
  repair(options?: RepairOptions): Promise<RepairReport>;

  /**
   * Copies one state, to be read at leisure, in chunks of at most limits.backupChunkBytes, in the backup
   * format of docs/formats/storage.md. The server goes on meanwhile. Rejects with CANCELLED when the signal
   * aborts. However it ends, it leaves no temporary file.
   */
  backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void>;

  dropUsage(beforeMs: number, signal: AbortSignal): Promise<number>;

  forget(query: ForgetQuery): Promise<Forgotten>;

  overwriteUnused(options: OverwriteOptions): Promise<Overwritten>;

  space(): Promise<DiskSpace>;

  giveBack(options: GiveBackOptions): Promise<GivenBack>;

  /** Estimates the bytes that defragment() would free. Rejects with CANCELLED. */
  reclaimableBytes(signal: AbortSignal): Promise<number>;

  /**
   * Rewrites half-empty pages where that saves a good part of them. Such pages are left by deletion and by
   * records written in random order. Stored content does not change; others read and write meanwhile. Rejects
   * with CANCELLED, WRITES_STOPPED, COMMIT_FAILED; the pages rewritten until then stay so.
   */
  defragment(signal: AbortSignal): Promise<void>;
}

export interface StorageHealth {
  readonly writable: boolean;
  /** Reason why writes are not accepted. */
  readonly cause?: string;
}
