import type { Conversation, ConversationSpec, NamedSegment, Speaker, VaultStats } from '../model/index.js';
import type { ClientError } from './errors.js';
import type { Preparation } from './preparation.js';
import type { RetryPolicy } from './retry.js';

/** Options of every call. */
export interface CallControl {
  /** Aborting ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** The call ends with DEADLINE_EXCEEDED after this time; no deadline if absent. */
  readonly timeoutMs?: number | undefined;
}

/** Encryption of a connection; texts are PEM. */
export interface ClientTls {
  /** Authorities that sign the server's certificate; those that the system trusts if absent. */
  readonly ca?: string;
  /** Certificate of this client, with its private key, for servers that ask for one. */
  readonly cert?: string;
  readonly key?: string;
  /** Name in the server's certificate, if it is not the host of its address. */
  readonly serverName?: string;
}

export interface ConnectOptions {
  /** HOST, HOST:PORT (port 7411 by default), [IPV6]:PORT or unix:/path. */
  readonly server: string;
  /** "default" if absent. */
  readonly vault?: string;
  /** If absent, the connection is not encrypted; true: as {}, with the authorities that the system trusts. */
  readonly tls?: boolean | ClientTls;
  /**
   * Token of every call, or a function that returns it for each: the token may change meanwhile. Without TLS
   * it is sent to loopback addresses and Unix sockets only.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** Limit of a response message in bytes; the server's chunks stay far below the default of 64 MiB. */
  readonly receiveBytesMax?: number;
  readonly retry?: RetryPolicy;
  /** Aborting ends every call with CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * A message to store, with at most one of text, tokens and tokensLe32. With none of them, the message is
 * empty.
 */
export interface NewMessage {
  readonly role: string;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  /** Encoded by the server with the conversation's tokenizer. */
  readonly text?: string;
  readonly tokens?: Uint32Array | readonly number[];
  /** Tokens as le32 (4-byte little-endian). */
  readonly tokensLe32?: Uint8Array;
}

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

/** Type of content by encoding: a string, or token ids in memory of their own. */
export interface ContentForms {
  readonly text: string;
  readonly tokens: Uint32Array;
}

export type Encoding = keyof ContentForms;

export interface RetrieveOptions<E extends Encoding> extends CallControl {
  readonly encoding: E;
  /** Reads only this revision. */
  readonly ifRevision?: number;
  /**
   * Offsets of the first message, and of the first token counted over all messages, from 0; and limits of
   * both: all if 0 or absent.
   */
  readonly messageOffset?: number;
  readonly messageLimit?: number;
  readonly tokenOffset?: number;
  readonly tokenLimit?: number;
}

export interface RetrieveManyOptions<E extends Encoding> extends CallControl {
  readonly encoding: E;
}

/** A part of one of many conversations, with its index among those asked for. */
export interface PartOfMany<E extends Encoding> {
  readonly index: number;
  readonly part:
    | ConversationHeader
    | Chunk<E>
    /** The conversation, or the rest of it, cannot be read. */
    | { readonly kind: 'failed'; readonly error: ClientError };
}

export interface MessageDescription extends Speaker {
  readonly tokenCount: number;
}

export interface ConversationHeader {
  readonly kind: 'header';
  readonly conversation: Conversation;
}

export interface Chunk<E extends Encoding> {
  readonly kind: 'chunk';
  readonly messageIndex: number;
  /** Offset of the chunk in its message, in tokens. */
  readonly tokenOffset: number;
  /** Undefined for an empty message. */
  readonly content: ContentForms[E] | undefined;
  readonly endOfMessage: boolean;
  /** True if bytes that are not UTF-8 became U+FFFD: the text does not encode to these tokens. */
  readonly replaced: boolean;
  /** Present on the first chunk of a message that is sent. */
  readonly message: MessageDescription | undefined;
}

export interface Message<E extends Encoding> extends MessageDescription {
  readonly kind: 'message';
  readonly index: number;
  /** Offset of the content in its message, in tokens: 0 unless the range begins inside the message. */
  readonly tokenOffset: number;
  readonly content: ContentForms[E];
  /** True if bytes that are not UTF-8 became U+FFFD: the text does not encode to these tokens. */
  readonly replaced: boolean;
}

export interface MessageWithSegments extends MessageDescription {
  readonly segments: readonly NamedSegment[];
}

export interface DescribedConversation {
  readonly conversation: Conversation;
  /** Empty unless asked for. */
  readonly messages: readonly MessageWithSegments[];
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

/** Absent fields do not restrict. */
export interface ConversationFilter {
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  /** Inclusive, in milliseconds since 1970. */
  readonly createTimeFromMs?: number;
  /** Exclusive, in milliseconds since 1970. */
  readonly createTimeBeforeMs?: number;
  readonly tokensMin?: number;
  readonly tokensMax?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallControl {
  readonly filter?: ConversationFilter;
  readonly order?: 'newestFirst' | 'oldestFirst';
  /** Entries of a page; the server's default if absent. */
  readonly pageSize?: number;
}

export interface ListAllOptions extends ListOptions {
  /** Called for each conversation that is damaged. */
  readonly onDamaged?: (damaged: DamagedConversation) => void;
}

export interface PageOptions extends ListOptions {
  /** `nextPageToken` of the last page, with the same filter and order. */
  readonly pageToken?: string;
}

/** Tokens to look for, in one of the three forms. */
export type PrefixContent = Pick<NewMessage, 'text' | 'tokens' | 'tokensLe32'>;

export interface FindPrefixOptions extends CallControl {
  /** Used for text. */
  readonly tokenizer?: string;
  /** Finds only conversations of this application. */
  readonly application?: string;
  /** Minimum of the shared tokens. */
  readonly minTokens?: number;
  /** Limit of the conversations: 1 to 100, or 10 if absent. */
  readonly limit?: number;
}

export interface PrefixMatch {
  readonly conversation: Conversation;
  /** Number of tokens that the conversation shares from the beginning. */
  readonly sharedTokens: number;
}

/** A stored conversation that cannot be read. */
export interface DamagedConversation {
  /** Id under which it can be deleted; empty if no record has it any more. */
  readonly id: string;
  readonly error: ClientError;
}

export interface ConversationPage {
  /** May be short or empty before the last page. */
  readonly conversations: readonly Conversation[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly damaged: readonly DamagedConversation[];
}

export interface CollectGarbageOptions extends CallControl {
  readonly dryRun?: boolean;
  readonly minAgeMs?: number;
  /** True to get parts before the plan that report the progress of the preparation. */
  readonly reportPreparation?: boolean;
}

/** A plan; progress, unless it is a dry run; a summary. Bytes are those of frames. */
export type CollectPart =
  | Preparation
  | { readonly kind: 'plan' | 'progress'; readonly segments: number; readonly bytes: number }
  | {
      readonly kind: 'summary';
      readonly segments: number;
      readonly bytes: number;
      readonly keptSegments: number;
    };

export interface Stats extends VaultStats {
  readonly rawBytes: number;
  readonly uniqueRawBytes: number;
}

export interface Capabilities {
  readonly version: string;
  readonly storage: string;
  readonly tokenizers: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}
