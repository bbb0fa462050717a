import type { Conversation, VaultStats } from '../model/index.js';
import type { ConversationPage, ListQuery } from '../storage/index.js';
import type {
  CollectPart,
  DeleteResult,
  MessageWithSegments,
  RetrieveInput,
  RetrievePart,
  StoreInput,
  StoreResult,
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

  store(input: StoreInput, signal: AbortSignal): Promise<StoreResult>;

  /** One revision: a header, then chunks in order. Reads ahead no further than one batch. */
  retrieve(input: RetrieveInput, signal: AbortSignal): AsyncGenerator<RetrievePart, void, void>;

  /** CONVERSATION_NOT_FOUND when there is none. */
  get(id: string): Promise<Conversation>;

  /** The same with every message and its segments' hashes. */
  getWithMessages(id: string): Promise<{ conversation: Conversation; messages: MessageWithSegments[] }>;

  delete(
    id: string,
    options: { readonly allowMissing: boolean; readonly ifRevision?: number },
  ): Promise<DeleteResult>;

  list(query: ListQuery): Promise<ConversationPage>;

  /** A plan; unless dryRun, progress after every committed batch; a summary. */
  collectGarbage(
    options: { readonly dryRun: boolean; readonly minAgeMs: number },
    signal: AbortSignal,
  ): AsyncGenerator<CollectPart, void, void>;

  stats(): Promise<VaultStats>;
}
