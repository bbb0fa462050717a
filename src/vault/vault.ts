import type { Conversation, SegmentHash, VaultStats } from '../model/index.js';
import type {
  ConversationPage,
  ListQuery,
  OutsideReference,
  SegmentKey,
  StoredRegistry,
} from '../storage/index.js';
import type { CompactInput, CompactPart } from './compaction/types.js';
import type {
  AppendInput,
  CollectOptions,
  CollectPart,
  DeleteOptions,
  DeleteManyInput,
  DeleteManyResult,
  DeleteResult,
  DescribeOptions,
  DescribedPage,
  FindPrefixInput,
  ForkInput,
  GarbageSegmentPage,
  GetSegmentsInput,
  HasSegmentOutcome,
  PrefixMatch,
  PutSegmentOutcome,
  PutSegmentsInput,
  ReferenceResult,
  RetrieveInput,
  RetrieveManyInput,
  RetrieveManyPart,
  RetrievePart,
  SegmentPart,
  StoreInput,
  StoreResult,
  UploadInput,
  UploadPart,
  VerifyPart,
} from './types.js';

/**
 * An isolated store of conversations. Input has passed the edge's field limits; tokens are validated here.
 * Every method rejects with StowkenError; an aborted signal rejects with CANCELLED and leaves no trace but garbage.
 */
export interface Vault {
  readonly name: string;
  /** See StorageBackend. */
  readonly vaultId: string;
  readonly storageKind: string;

  /** Of store, append, fork, upload and delete: the same input with the same request id within a day gets the first result. */
  store(input: StoreInput, signal: AbortSignal): Promise<StoreResult>;

  /** Stores a conversation of any length while its parts come in, as there is room for them. */
  upload(input: UploadInput, parts: AsyncIterable<UploadPart>, signal: AbortSignal): Promise<StoreResult>;

  append(input: AppendInput, signal: AbortSignal): Promise<StoreResult>;

  fork(input: ForkInput, signal: AbortSignal): Promise<StoreResult>;

  /**
   * One revision: a header, then chunks in order, in batches: each to be taken to its end before the next.
   * Reads ahead no further than one batch.
   */
  retrieve(input: RetrieveInput, signal: AbortSignal): AsyncGenerator<Iterable<RetrievePart>, void, void>;

  /** Each conversation's parts or its failure, in the order asked; in batches as retrieve gives them. */
  retrieveMany(
    input: RetrieveManyInput,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<RetrieveManyPart>, void, void>;

  /** CONVERSATION_NOT_FOUND when there is none, REVISION_MISMATCH when it is not at this revision. */
  get(id: string, ifRevision?: number): Promise<Conversation>;

  /** The same with messages and their segments' hashes, a page at a time. */
  getWithMessages(id: string, options?: DescribeOptions): Promise<DescribedPage>;

  delete(id: string, options: DeleteOptions): Promise<DeleteResult>;

  /** Deletes in batches; when it is aborted, some are deleted and the others are not. */
  deleteMany(input: DeleteManyInput, signal: AbortSignal): Promise<DeleteManyResult>;

  list(query: ListQuery): Promise<ConversationPage>;

  /**
   * Of the conversations that share the most whole blocks with these tokens (and of more than
   * limits.prefixMatchesMax of them, that many), those that share the most tokens, most first.
   * PREFIX_INDEX_OFF, UNSUPPORTED_BY_STORAGE.
   */
  findPrefix(input: FindPrefixInput, signal: AbortSignal): Promise<PrefixMatch[]>;

  /**
   * A plan; unless dryRun, progress after every committed batch; a summary. CORRUPT_STORE when the records
   * that say what is garbage do not agree.
   */
  collectGarbage(options: CollectOptions, signal: AbortSignal): AsyncGenerator<CollectPart, void, void>;

  /**
   * A plan, progress after every committed batch, a summary; COMPACTION_RUNNING while another one works,
   * CORRUPT_STORE as collectGarbage.
   */
  compact(input: CompactInput, signal: AbortSignal): AsyncGenerator<CompactPart, void, void>;

  /** By rising id. */
  listRegistries(): Promise<StoredRegistry[]>;

  stats(): Promise<VaultStats>;

  /** One outcome for each, in order; what is valid is stored in one commit. */
  putSegments(input: PutSegmentsInput, signal: AbortSignal): Promise<PutSegmentOutcome[]>;

  /** Each segment's chunks or its failure, in the order asked. */
  getSegments(input: GetSegmentsInput, signal: AbortSignal): AsyncGenerator<SegmentPart, void, void>;

  hasSegments(hashes: readonly SegmentHash[]): Promise<HasSegmentOutcome[]>;

  /** One result for each, in order. One that is there already is not added again. */
  addReferences(references: readonly OutsideReference[]): Promise<ReferenceResult[]>;

  /** One result for each, in order. What conversations hold is not touched. */
  removeReferences(references: readonly OutsideReference[]): Promise<ReferenceResult[]>;

  /** SEGMENT_NOT_FOUND; SEGMENT_REFERENCED unless it is garbage that no stream may still read. */
  deleteSegment(hash: SegmentHash): Promise<void>;

  listGarbage(query: { readonly limit: number; readonly after?: SegmentKey }): Promise<GarbageSegmentPage>;

  /**
   * Checks every invariant of one state, while others write. With `repair`, makes anew what follows from other
   * records, which holds others up, and checks again; UNSUPPORTED_BY_STORAGE where the storage cannot.
   */
  verify(options: { readonly repair: boolean }, signal: AbortSignal): AsyncGenerator<VerifyPart, void, void>;

  /** One state of the vault as bytes, while others write; UNSUPPORTED_BY_STORAGE where the storage cannot. */
  backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void>;
}
