import type { AttachmentInfo, Conversation, SegmentHash, VaultStats } from '../model/index.js';
import type { ConversationCount } from './find/count.js';
import type { SharedInput, SharedSegment } from './find/shared-segments.js';
import type { SegmentUses, SegmentUsesInput } from './find/segment-uses.js';
import type { UsesByDayInput, UsesByDayPart } from './find/uses-by-day.js';
import type { WarmPrefixesInput, WarmPrefixPart } from './find/warm-prefixes.js';
import type { UsageInput, UsageSum } from './find/usage.js';
import type {
  ConversationFilter,
  ConversationPage,
  ListQuery,
  OutsideReference,
  SegmentKey,
  StoredRegistry,
} from '../storage/index.js';
import type { EraseInput, ErasePart } from './erasure/index.js';
import type { CompactInput, CompactPart } from './compaction/types.js';
import type { CollectOptions, CollectPart, VerifyPart } from './maintain/types.js';
import type {
  AttachmentInput,
  DescribeOptions,
  DescribedPage,
  FindPrefixInput,
  PrefixMatch,
  RenderMessagesInput,
  RetrieveInput,
  RetrieveManyInput,
  RetrieveManyPart,
  RetrievePart,
} from './read/types.js';
import type { SearchInput, SearchPart } from './search/index.js';
import type { DuplicatesInput, DuplicatesPart, SimilarInput, SimilarResult } from './similar/index.js';
import type {
  GarbageSegmentPage,
  GetSegmentsInput,
  HasSegmentOutcome,
  PutSegmentOutcome,
  PutSegmentsInput,
  ReferenceResult,
  SegmentPart,
} from './segments/types.js';
import type {
  AppendInput,
  DeleteOptions,
  DeleteManyInput,
  DeleteManyResult,
  DeleteResult,
  ForkInput,
  KeptMemory,
  StoreInput,
  StoreResult,
  UploadInput,
  UploadPart,
} from './write/types.js';

/**
 * An isolated store of conversations. Input has passed the edge's field limits; tokens are validated here.
 * Every method rejects with StowkenError. An aborted signal rejects with CANCELLED and leaves nothing but
 * garbage.
 */
export interface Vault {
  readonly name: string;
  /** See StorageBackend. */
  readonly vaultId: string;
  readonly storageKind: string;

  /**
   * Stores a conversation. For store, append, fork, upload and delete: the same input with the same request
   * id within a day gets the first result.
   */
  store(input: StoreInput, signal: AbortSignal): Promise<StoreResult>;

  /**
   * Stores a conversation of any length while its parts arrive, as there is room for them. Charges
   * `memory` when it holds more.
   */
  upload(
    input: UploadInput,
    parts: AsyncIterable<UploadPart>,
    signal: AbortSignal,
    memory?: KeptMemory,
  ): Promise<StoreResult>;

  append(input: AppendInput, signal: AbortSignal): Promise<StoreResult>;

  fork(input: ForkInput, signal: AbortSignal): Promise<StoreResult>;

  /**
   * Streams one revision: a header, then chunks in order, in batches. Each batch must be consumed before the
   * next. Reads ahead no further than one batch.
   */
  retrieve(input: RetrieveInput, signal: AbortSignal): AsyncGenerator<Iterable<RetrievePart>, void, void>;

  /** Streams the prompt of messages that are not stored: a header, then the chunks of each message. */
  renderMessages(
    input: RenderMessagesInput,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<RetrievePart>, void, void>;

  /** Streams each conversation's parts or its failure, in the order asked, in batches as retrieve does. */
  retrieveMany(
    input: RetrieveManyInput,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<RetrieveManyPart>, void, void>;

  /** Streams an attachment: what it is, then its bytes. Rejects with RANGE_PAST_END if there is none. */
  attachment(
    input: AttachmentInput,
    signal: AbortSignal,
  ): AsyncGenerator<AttachmentInfo | Uint8Array, void, void>;

  /** @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH */
  get(id: string, ifRevision?: number): Promise<Conversation>;

  /** Returns the conversation with messages and their segments' hashes, a page at a time. */
  getWithMessages(id: string, options?: DescribeOptions): Promise<DescribedPage>;

  delete(id: string, options: DeleteOptions): Promise<DeleteResult>;

  /** Deletes in batches. If it is aborted, some are deleted and the others are not. */
  deleteMany(input: DeleteManyInput, signal: AbortSignal): Promise<DeleteManyResult>;

  list(query: ListQuery): Promise<ConversationPage>;

  /** Counts what a filter finds: exactly, or with a lower bound after limits.pageScanMax looks. */
  count(filter: ConversationFilter, signal: AbortSignal): Promise<ConversationCount>;

  /** Sums usage by groups. Rejects with UNSUPPORTED_BY_STORAGE, INVALID_FIELD. */
  usage(input: UsageInput, signal: AbortSignal): Promise<UsageSum[]>;

  /** Finds the segments that most conversations share. Looks at the whole vault. */
  sharedSegments(input: SharedInput, signal: AbortSignal): Promise<SharedSegment[]>;

  /** Yields the prefixes most worth keeping in a cache. Rejects as findPrefix does. */
  warmPrefixes(input: WarmPrefixesInput, signal: AbortSignal): AsyncGenerator<WarmPrefixPart, void, void>;

  /** Lists the conversations that have a segment, a page at a time. Rejects with SEGMENT_NOT_FOUND. */
  segmentUses(input: SegmentUsesInput, signal: AbortSignal): Promise<SegmentUses>;

  /**
   * Counts the conversations that have a segment, by day. Rejects with SEGMENT_NOT_FOUND, INVALID_FIELD.
   */
  usesByDay(input: UsesByDayInput, signal: AbortSignal): AsyncGenerator<UsesByDayPart, void, void>;

  /**
   * Finds near-duplicates, all that there are. Reads what the filter selects. Rejects with
   * CONVERSATION_NOT_FOUND, SEGMENT_NOT_FOUND, REQUEST_TOO_LARGE.
   */
  similar(input: SimilarInput, signal: AbortSignal): Promise<SimilarResult>;

  /** Yields counts while it reads, then groups of near-duplicates. */
  duplicates(input: DuplicatesInput, signal: AbortSignal): AsyncGenerator<DuplicatesPart, void, void>;

  /**
   * Finds the conversations that share the most tokens with these, most first, among those that share the
   * most whole blocks (at most limits.prefixMatchesMax of them). Rejects with PREFIX_INDEX_OFF,
   * UNSUPPORTED_BY_STORAGE.
   */
  findPrefix(input: FindPrefixInput, signal: AbortSignal): Promise<PrefixMatch[]>;

  /** Streams hits, newest conversation first, with positions to go on from. */
  search(input: SearchInput, signal: AbortSignal): AsyncGenerator<SearchPart, void, void>;

  /**
   * Yields a plan; unless dryRun, progress after every committed batch; a summary. Rejects with CORRUPT_STORE
   * if the records that define garbage contradict each other.
   */
  collectGarbage(options: CollectOptions, signal: AbortSignal): AsyncGenerator<CollectPart, void, void>;

  /**
   * Yields a plan, progress after every committed batch, a summary. Rejects with COMPACTION_RUNNING while
   * another one runs, CORRUPT_STORE as collectGarbage.
   */
  compact(input: CompactInput, signal: AbortSignal): AsyncGenerator<CompactPart, void, void>;

  /**
   * Erases conversations: yields how far it is, then a receipt. Rejects with UNSUPPORTED_BY_STORAGE,
   * COMPACTION_RUNNING, CORRUPT_STORE as collectGarbage. Interrupted, it is finished by a second call.
   */
  erase(input: EraseInput, signal: AbortSignal): AsyncGenerator<ErasePart, void, void>;

  /** Lists registries by rising id. */
  listRegistries(): Promise<StoredRegistry[]>;

  stats(): Promise<VaultStats>;

  /** Returns one outcome for each, in order; the valid ones are stored in one commit. */
  putSegments(input: PutSegmentsInput, signal: AbortSignal): Promise<PutSegmentOutcome[]>;

  /** Streams each segment's chunks or its failure, in the order asked. */
  getSegments(input: GetSegmentsInput, signal: AbortSignal): AsyncGenerator<SegmentPart, void, void>;

  hasSegments(hashes: readonly SegmentHash[]): Promise<HasSegmentOutcome[]>;

  /** Returns one result for each, in order. A reference that exists is not added again. */
  addReferences(references: readonly OutsideReference[]): Promise<ReferenceResult[]>;

  /** Returns one result for each, in order. References of conversations are not touched. */
  removeReferences(references: readonly OutsideReference[]): Promise<ReferenceResult[]>;

  /**
   * Rejects with SEGMENT_NOT_FOUND; with SEGMENT_REFERENCED unless it is garbage that no stream may still
   * read.
   */
  deleteSegment(hash: SegmentHash): Promise<void>;

  listGarbage(query: { readonly limit: number; readonly after?: SegmentKey }): Promise<GarbageSegmentPage>;

  /**
   * Checks every invariant of one state, while others write. With `repair`, it rebuilds everything that
   * follows from other records, which holds others up, and checks again. Rejects with UNSUPPORTED_BY_STORAGE
   * if the storage cannot be repaired.
   */
  verify(options: { readonly repair: boolean }, signal: AbortSignal): AsyncGenerator<VerifyPart, void, void>;

  /**
   * Streams one state of the vault as bytes, while others write. Rejects with UNSUPPORTED_BY_STORAGE if the
   * storage cannot be copied.
   */
  backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void>;
}
