import type { Conversation, ConversationSpec, NamedSegment, Speaker, VaultStats } from '../model/index.js';
import type { ClientError } from './errors.js';
import type { Preparation } from './preparation.js';
import type { RetryPolicy } from './retry.js';

/** Options of every call. */
export interface CallControl {
  /** Aborting ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** The call ends with DEADLINE_EXCEEDED after this long; never when absent. */
  readonly timeoutMs?: number | undefined;
}

export interface ConnectOptions {
  /** HOST, HOST:PORT (port 7411 when none is named), [IPV6]:PORT or unix:/path. */
  readonly server: string;
  /** "default" when absent. */
  readonly vault?: string;
  /** The longest response message that is accepted; the server's chunks stay far below the default of 64 MiB. */
  readonly receiveBytesMax?: number;
  readonly retry?: RetryPolicy;
  /** Aborting ends every call with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** A message to store, with at most one of text, tokens and tokensLe32; none of them is an empty message. */
export interface NewMessage {
  readonly role: string;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  /** Encoded by the server with the conversation's tokenizer. */
  readonly text?: string;
  readonly tokens?: Uint32Array | readonly number[];
  /** 4-byte little-endian words. */
  readonly tokensLe32?: Uint8Array;
}

export interface StoreRequest extends CallControl {
  /** With an id, a store that may have failed on the way is tried again: the same content changes nothing. */
  readonly conversation?: Partial<ConversationSpec>;
  readonly messages: readonly NewMessage[];
  /** Replaces the content of this revision; 0: store only if there is none. Such a store is not tried again without a request id. */
  readonly ifRevision?: number;
  /** The same request under the same id within a day gets the first answer: it can be tried again. */
  readonly requestId?: string;
}

export interface UploadRequest extends Omit<StoreRequest, 'messages'> {
  /** Taken as there is room for them, and once: an upload is not tried again. */
  readonly messages: Iterable<NewMessage> | AsyncIterable<NewMessage>;
}

export interface AppendOptions extends CallControl {
  /** Append only to this revision. */
  readonly ifRevision?: number;
  /** Made for this call when absent: an append is tried again while no server answers. */
  readonly requestId?: string;
}

export interface ForkOptions extends CallControl {
  /** The fork's id; made by the server when absent. */
  readonly newId?: string;
  /** Of how many messages, from the first; all when absent. */
  readonly messageCount?: number;
  /** Fork only this revision. */
  readonly ifRevision?: number;
  /** Made for this call when absent: a fork is tried again while no server answers. */
  readonly requestId?: string;
}

export interface StoreResult {
  readonly conversation: Conversation;
  readonly totalSegments: number;
  readonly newSegments: number;
  readonly dedupedSegments: number;
  readonly newTokens: number;
  readonly storedBytes: number;
  /** The very same content was stored under this id already. */
  readonly unchanged: boolean;
}

/** What content is read as: a string, or token ids in memory of their own. */
export interface ContentForms {
  readonly text: string;
  readonly tokens: Uint32Array;
}

export type Encoding = keyof ContentForms;

export interface RetrieveOptions<E extends Encoding> extends CallControl {
  readonly encoding: E;
  /** Read only this revision. */
  readonly ifRevision?: number;
  /** The first message, and the first token counted over all messages, from 0; and how many at most: all when 0 or absent. */
  readonly messageOffset?: number;
  readonly messageLimit?: number;
  readonly tokenOffset?: number;
  readonly tokenLimit?: number;
}

export interface RetrieveManyOptions<E extends Encoding> extends CallControl {
  readonly encoding: E;
}

/** A part of one of many conversations: the one at this index of those asked for. */
export interface PartOfMany<E extends Encoding> {
  readonly index: number;
  readonly part:
    | ConversationHeader
    | Chunk<E>
    /** It cannot be had, or no more of it. */
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
  /** Where in the message the chunk begins, in tokens. */
  readonly tokenOffset: number;
  /** Undefined in an empty message. */
  readonly content: ContentForms[E] | undefined;
  readonly endOfMessage: boolean;
  /** Bytes that are no UTF-8 became U+FFFD in the text: it does not stand for the tokens. */
  readonly replaced: boolean;
  /** On the first chunk of a message that is sent. */
  readonly message: MessageDescription | undefined;
}

export interface Message<E extends Encoding> extends MessageDescription {
  readonly kind: 'message';
  readonly index: number;
  /** Where in the message the content begins, in tokens: not at 0 where a range does. */
  readonly tokenOffset: number;
  readonly content: ContentForms[E];
  /** Bytes that are no UTF-8 became U+FFFD in the text: it does not stand for the tokens. */
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
  /** Makes it safe to try again: see StoreRequest. */
  readonly requestId?: string;
}

/** Exactly one of ids, a filter that restricts something, and all. */
export interface DeleteManyOptions extends CallControl {
  readonly ids?: readonly string[];
  readonly filter?: ConversationFilter;
  readonly all?: boolean;
  /** Deletes nothing, and tells what would be: conversations and missing alone. */
  readonly dryRun?: boolean;
}

export interface DeleteManyResult extends Released {
  readonly conversations: number;
  /** Ids of which there is no conversation. */
  readonly missing: number;
  /** Found by the filter, but changed before they were deleted, and left. */
  readonly changed: number;
  /** Left, because nobody can tell whether the filter finds them: the first 1000. */
  readonly damaged: readonly DamagedConversation[];
}

export interface Released {
  readonly releasedReferences: number;
  readonly garbageSegments: number;
}

export interface DeleteResult extends Released {
  /** There was no such conversation, and allowMissing lets that pass. */
  readonly missing: boolean;
}

/** Unset fields do not restrict. */
export interface ConversationFilter {
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  /** At or after, in milliseconds since 1970. */
  readonly createTimeFromMs?: number;
  /** Before, in milliseconds since 1970. */
  readonly createTimeBeforeMs?: number;
  readonly tokensMin?: number;
  readonly tokensMax?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallControl {
  readonly filter?: ConversationFilter;
  readonly order?: 'newestFirst' | 'oldestFirst';
  /** Entries of a page; the server's default when absent. */
  readonly pageSize?: number;
}

export interface ListAllOptions extends ListOptions {
  /** Called for each conversation that is damaged. */
  readonly onDamaged?: (damaged: DamagedConversation) => void;
}

export interface PageOptions extends ListOptions {
  /** The last page's nextPageToken, with the same filter and order. */
  readonly pageToken?: string;
}

/** Tokens to look for: one of the three. */
export type PrefixContent = Pick<NewMessage, 'text' | 'tokens' | 'tokensLe32'>;

export interface FindPrefixOptions extends CallControl {
  /** For text. */
  readonly tokenizer?: string;
  /** Only conversations of this application. */
  readonly application?: string;
  /** Leaves out conversations that share fewer tokens. */
  readonly minTokens?: number;
  /** Conversations at most: 1 to 100, or 10 when absent. */
  readonly limit?: number;
}

export interface PrefixMatch {
  readonly conversation: Conversation;
  /** Tokens that the conversation begins with, and that are those looked for. */
  readonly sharedTokens: number;
}

/** A conversation that is there and cannot be read. */
export interface DamagedConversation {
  /** Under which it can be deleted; empty when nothing says it any more. */
  readonly id: string;
  readonly error: ClientError;
}

export interface ConversationPage {
  /** May be short, or empty, before the last page. */
  readonly conversations: readonly Conversation[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly damaged: readonly DamagedConversation[];
}

export interface CollectGarbageOptions extends CallControl {
  readonly dryRun?: boolean;
  readonly minAgeMs?: number;
  /** Whether parts come before the plan that tell how far it is. */
  readonly reportPreparation?: boolean;
}

/** A plan, then, unless it is a dry run, progress; a summary comes last. Bytes are those of frames. */
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
