import type { Conversation, ConversationSpec, Speaker } from '../../model/index.js';
import type { ConversationFilter, DamagedConversation } from '../../storage/index.js';
import type { MessageContent, NewMessage } from '../content.js';

export interface StoreInput {
  /** An empty id is replaced by a new UUIDv7. */
  readonly spec: ConversationSpec;
  readonly messages: readonly NewMessage[];
  /** 0: only if there is no such conversation. */
  readonly ifRevision?: number | undefined;
  readonly requestId?: string | undefined;
}

/** Fields of an upload, the same as those of a store. */
export type UploadInput = Omit<StoreInput, 'messages'>;

/** Memory that a call keeps beyond its current request. The end of the call returns it too. */
export interface KeptMemory {
  /**
   * Charges the call for bytes. Resolves when the call has them. Rejects with OVERLOADED if there is no room,
   * and with REQUEST_TOO_LARGE if there never can be.
   */
  keep(bytes: number): Promise<void>;
  /** Returns bytes before the call ends. */
  give(bytes: number): void;
}

export type UploadPart =
  /** Begins a message. */
  | {
      readonly kind: 'message';
      readonly speaker: Speaker;
      readonly fields?: Uint8Array;
      readonly specials?: true;
    }
  /** The next block of the message. */
  | { readonly kind: 'tokens'; readonly content: MessageContent }
  /** The next bytes of an attachment of the message; `begins`: of a new one. */
  | { readonly kind: 'attachment'; readonly begins: boolean; readonly bytes: Uint8Array }
  /** The last part. The number may be absent if there was text. */
  | { readonly kind: 'finish'; readonly totalTokens: number | undefined };

export interface AppendInput {
  readonly id: string;
  readonly messages: readonly NewMessage[];
  readonly ifRevision?: number | undefined;
  readonly requestId?: string | undefined;
}

export interface ForkInput {
  readonly id: string;
  /** An empty id is replaced by a new UUIDv7. */
  readonly newId: string;
  /** All messages if undefined. */
  readonly messageCount: number | undefined;
  readonly ifRevision?: number | undefined;
  readonly requestId?: string | undefined;
}

export interface StoreResult {
  readonly conversation: Conversation;
  readonly totalSegments: number;
  readonly newSegments: number;
  readonly newTokens: number;
  readonly storedBytes: number;
  readonly unchanged: boolean;
}

export interface DeleteOptions {
  readonly allowMissing: boolean;
  readonly ifRevision?: number | undefined;
  readonly requestId?: string | undefined;
}

export interface DeleteManyInput {
  readonly selection:
    | { readonly kind: 'ids'; readonly ids: readonly string[] }
    | { readonly kind: 'filter'; readonly filter: ConversationFilter }
    /** Those that have expired, by their expire time or by a lifetime of the vault, and match the filter. */
    | { readonly kind: 'expired'; readonly filter: ConversationFilter };
  readonly dryRun: boolean;
}

/**
 * In the result of a dry run, `conversations` are those that would be deleted, and only `missing` is known
 * beside them.
 */
export interface DeleteManyResult {
  readonly conversations: number;
  /** Ids without a conversation. */
  readonly missing: number;
  /** Conversations that matched the filter, but changed before they were deleted, and were left. */
  readonly changed: number;
  readonly releasedReferences: number;
  readonly garbageSegments: number;
  /**
   * Conversations that were left, because the filter cannot be decided for them; at most
   * limits.damagedNamedMax.
   */
  readonly damaged: readonly DamagedConversation[];
}

export interface DeleteResult {
  readonly releasedReferences: number;
  readonly garbageSegments: number;
  /** There was no such conversation, and allowMissing was set. */
  readonly missing?: true;
}
