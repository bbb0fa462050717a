import type { Conversation, ConversationSpec } from '../model/index.js';
import type { CallControl } from './connection-types.js';
import type { NewMessage } from './content-types.js';
import type { ConversationFilter, DamagedConversation } from './read-types.js';

export interface StoreRequest extends CallControl {
  /** With an id, a store that may have failed on the way is retried: the same content changes nothing. */
  readonly conversation?: Partial<ConversationSpec>;
  readonly messages: readonly NewMessage[];
  /**
   * Replaces the content at this revision; 0: stores only if there is no such conversation. Such a store is
   * not retried without a request id.
   */
  readonly ifRevision?: number;
  /** The same request under the same id within a day gets the first answer, so it can be retried. */
  readonly requestId?: string;
}

export interface UploadRequest extends Omit<StoreRequest, 'messages'> {
  /** Iterated once, as there is room for them: an upload is not retried. */
  readonly messages: Iterable<NewMessage> | AsyncIterable<NewMessage>;
}

export interface AppendOptions extends CallControl {
  /** Appends only to this revision. */
  readonly ifRevision?: number;
  /** Generated for this call if absent: an append is retried while no server answers. */
  readonly requestId?: string;
}

export interface ForkOptions extends CallControl {
  /** Id of the fork; made by the server if absent. */
  readonly newId?: string;
  /** Number of messages, from the first; all if absent. */
  readonly messageCount?: number;
  /** Forks only this revision. */
  readonly ifRevision?: number;
  /** Generated for this call if absent: a fork is retried while no server answers. */
  readonly requestId?: string;
}

export interface StoreResult {
  readonly conversation: Conversation;
  readonly totalSegments: number;
  readonly newSegments: number;
  readonly dedupedSegments: number;
  readonly newTokens: number;
  readonly storedBytes: number;
  /** True if the very same content was stored under this id already. */
  readonly unchanged: boolean;
}

export interface DeleteOptions extends CallControl {
  readonly allowMissing?: boolean;
  readonly ifRevision?: number;
  /** Makes a retry safe; see StoreRequest. */
  readonly requestId?: string;
}

/** Exactly one of ids, a filter with at least one condition, and all. */
export interface DeleteManyOptions extends CallControl {
  readonly ids?: readonly string[];
  readonly filter?: ConversationFilter;
  readonly all?: boolean;
  /** Those that have expired, by their expire time or by a lifetime of the vault, and match this filter. */
  readonly expired?: ConversationFilter;
  /** Deletes nothing, and reports only `conversations` and `missing` of the deletion. */
  readonly dryRun?: boolean;
}

export interface DeleteManyResult extends Released {
  readonly conversations: number;
  /** Number of ids without a conversation. */
  readonly missing: number;
  /** Number of conversations that matched the filter, but changed before they were deleted, and were left. */
  readonly changed: number;
  /** Conversations that were left, because the filter cannot be decided for them: the first 1000. */
  readonly damaged: readonly DamagedConversation[];
}

export interface Released {
  readonly releasedReferences: number;
  readonly garbageSegments: number;
}

export interface DeleteResult extends Released {
  /** True if there was no such conversation and allowMissing was set. */
  readonly missing: boolean;
}
