import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { isStowkenError, type Conversation, type SegmentHash, type VaultStats } from '../model/index.js';
import type {
  ConversationPage,
  ListQuery,
  OutsideReference,
  SegmentKey,
  StorageBackend,
  StoredRegistry,
} from '../storage/index.js';
import type { Tokenizers } from '../text/index.js';
import { collectGarbage } from './collect.js';
import { Compactor, type CompactInput, type CompactPart } from './compaction/index.js';
import { describeConversation } from './describe.js';
import { conversationNotFound } from './not-found.js';
import { retrieveConversation } from './retrieve.js';
import {
  addReferences,
  deleteSegment,
  getSegments,
  hasSegments,
  listGarbage,
  putSegments,
  removeReferences,
} from './segments/index.js';
import { storeConversation } from './store.js';
import type {
  CollectPart,
  DeleteResult,
  GarbageSegmentPage,
  GetSegmentsInput,
  HasSegmentOutcome,
  MessageWithSegments,
  PutSegmentOutcome,
  PutSegmentsInput,
  ReferenceResult,
  RetrieveInput,
  RetrievePart,
  SegmentPart,
  StoreInput,
  StoreResult,
  VerifyPart,
} from './types.js';
import { unsupported } from './unsupported.js';
import { verifyVault } from './verify.js';

/**
 * An isolated store of conversations. Input has passed the edge's field limits; tokens are validated here.
 * Every method rejects with StowkenError; an aborted signal rejects with CANCELLED and leaves no trace but garbage.
 */
export interface Vault {
  readonly name: string;
  /** See StorageBackend. */
  readonly vaultId: string;
  readonly storageKind: string;

  store(input: StoreInput, signal: AbortSignal): Promise<StoreResult>;

  /**
   * One revision: a header, then chunks in order, in batches: each to be taken to its end before the next.
   * Reads ahead no further than one batch.
   */
  retrieve(input: RetrieveInput, signal: AbortSignal): AsyncGenerator<Iterable<RetrievePart>, void, void>;

  /** CONVERSATION_NOT_FOUND when there is none. */
  get(id: string): Promise<Conversation>;

  /** The same with every message and its segments' hashes. */
  getWithMessages(id: string): Promise<{ conversation: Conversation; messages: MessageWithSegments[] }>;

  delete(
    id: string,
    options: { readonly allowMissing: boolean; readonly ifRevision?: number },
  ): Promise<DeleteResult>;

  list(query: ListQuery): Promise<ConversationPage>;

  /**
   * A plan; unless dryRun, progress after every committed batch; a summary. CORRUPT_STORE when the records
   * that say what is garbage do not agree.
   */
  collectGarbage(
    options: { readonly dryRun: boolean; readonly minAgeMs: number },
    signal: AbortSignal,
  ): AsyncGenerator<CollectPart, void, void>;

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

export interface VaultParts {
  readonly name: string;
  /** The vault closes neither the backend nor the tokenizers. */
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export function createVault(parts: VaultParts): Vault {
  const { name, backend, clock } = parts;
  const compactor = new Compactor(parts);
  return {
    name,
    vaultId: backend.vaultId,
    storageKind: backend.kind,

    store: (input, signal) => storeConversation(parts, input, signal),

    retrieve: (input, signal) => retrieveConversation(parts, input, signal),

    async get(id) {
      const conversation = await backend.getConversation(id);
      if (conversation === undefined) throw conversationNotFound(id);
      return conversation;
    },

    getWithMessages: (id) => describeConversation(backend, id),

    async delete(id, { allowMissing, ifRevision }) {
      const revision = ifRevision === undefined ? {} : { revision: ifRevision };
      try {
        const result = await backend.commit({ delete: { id, timeMs: clock(), ...revision } });
        return result.delete!;
      } catch (error) {
        if (!isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
        if (!allowMissing) throw conversationNotFound(id);
        return { releasedReferences: 0, garbageSegments: 0 };
      }
    },

    list: (query) => backend.listConversations(query),

    collectGarbage: (options, signal) => collectGarbage(backend, { ...options, nowMs: clock() }, signal),

    compact: (input, signal) => compactor.run(input, signal),

    listRegistries: () => backend.listRegistries(),

    stats: () => backend.stats(),

    putSegments: (input, signal) => putSegments(parts, input, signal),
    getSegments: (input, signal) => getSegments(parts, input, signal),
    hasSegments: (hashes) => hasSegments(backend, hashes),
    addReferences: (references) => addReferences(backend, references),
    removeReferences: (references) => removeReferences(backend, references),
    deleteSegment: (hash) => deleteSegment(backend, hash),
    listGarbage: (query) => listGarbage(backend, query),

    verify: (options, signal) => verifyVault(backend, options, signal),

    async *backup(signal) {
      if (!backend.backup) throw unsupported('backup', backend);
      yield* backend.backup(signal);
    },
  };
}
