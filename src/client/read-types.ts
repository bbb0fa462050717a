import type { AttachmentInfo, Conversation, Speaker } from '../model/index.js';
import type { CallControl } from './connection-types.js';
import type { ClientError } from './errors.js';
import type { NewMessage } from './content-types.js';

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
  /** Gives the fields of each message with its description. */
  readonly includeFields?: boolean;
  /** With text: gives the tokens of the text too, and where each ends in it. */
  readonly includeTokens?: boolean;
  /**
   * Gives one message without a role: the prompt that the chat template makes of the messages. Of the ranges,
   * only `messageLimit` may be given.
   */
  readonly render?: RenderOptions;
}

export interface RenderOptions {
  /** Jinja, as Hugging Face's tokenizers have it; the template of the conversation's tokenizer if absent. */
  readonly chatTemplate?: string;
  /** Ends the prompt with the beginning of the model's next message. */
  readonly addGenerationPrompt?: boolean;
}

export interface RenderMessagesOptions extends RenderOptions, CallControl {
  /** Tokenizer of the prompt; that of the model if absent. */
  readonly tokenizer?: string;
  readonly model?: string;
  /** Time at which the conversation began, for templates that write the date; now if absent. */
  readonly createTimeMs?: number;
}

/** A prompt, cut at the ends of its messages. */
export interface RenderedMessages {
  readonly tokenizer: string;
  readonly messages: readonly RenderedMessage[];
}

export interface RenderedMessage {
  readonly tokens: Uint32Array;
  readonly text: string;
  /** True if a cut is within a character, which became U+FFFD in the text. */
  readonly replaced: boolean;
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

export interface ReadManyOptions extends CallControl {
  /** Limit of the tokens of one conversation, all of which are held in memory; 2^26 if absent. */
  readonly tokensMax?: number;
}

/** Message of a conversation that was read as a whole. */
export interface RoleAndTokens {
  readonly role: string;
  readonly tokenCount: number;
}

/** One of many conversations as a whole, with its index among those asked for. */
export type WholeOfMany = { readonly index: number } & (
  | {
      readonly kind: 'conversation';
      readonly conversation: Conversation;
      /** Token ids of all messages, one after the other. */
      readonly tokens: Uint32Array;
      readonly messages: readonly RoleAndTokens[];
    }
  /** It has more tokens than `tokensMax`. */
  | { readonly kind: 'tooLong'; readonly conversation: Conversation }
  /** It cannot be read. */
  | { readonly kind: 'failed'; readonly error: ClientError }
);

export interface MessageDescription extends Speaker {
  readonly tokenCount: number;
  /** Only where it is asked for and there are some. */
  readonly fieldsJson?: string;
  /** Only with fields, where there are some. */
  readonly attachments?: readonly AttachmentInfo[];
}

export interface AttachmentOptions extends CallControl {
  /** Number of the message, from 0. */
  readonly message: number;
  /** Number of the attachment in its message, from 0. */
  readonly attachment: number;
  /** Reads only this revision. */
  readonly ifRevision?: number;
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
  /** Tokens of the text; only with includeTokens. */
  readonly tokens?: Uint32Array;
  /**
   * End of each of these tokens in the text, in bytes of UTF-8; of one that ends in a character, a place
   * within it. Absent if bytes were replaced.
   */
  readonly tokenEnds?: readonly number[];
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
  /** As of a chunk. */
  readonly tokens?: Uint32Array;
  readonly tokenEnds?: readonly number[];
  /** True if bytes that are not UTF-8 became U+FFFD: the text does not encode to these tokens. */
  readonly replaced: boolean;
}

export interface MessageWithSegments extends MessageDescription {
  readonly segments: readonly { readonly hash: string; readonly tokenCount: number }[];
}

export interface DescribedConversation {
  readonly conversation: Conversation;
  /** Empty unless asked for. */
  readonly messages: readonly MessageWithSegments[];
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
  /** Conditions that must all hold. */
  readonly conditions?: readonly ValueCondition[];
  readonly updateTimeFromMs?: number;
  readonly updateTimeBeforeMs?: number;
  /** A conversation that never expires is in no range of expire times. */
  readonly expireTimeFromMs?: number;
  readonly expireTimeBeforeMs?: number;
  /** True: only those that expire at some time; false: only the others. */
  readonly expires?: boolean;
}

/** Condition on one field: its value is one of these, or with `negated` none of them. */
export interface ValueCondition {
  readonly field: 'application' | 'model' | 'tokenizer' | 'parentId' | 'metadata';
  /** Key of a metadata entry. */
  readonly key?: string;
  readonly values: readonly string[];
  readonly negated?: boolean;
}

export interface ListOptions extends CallControl {
  readonly filter?: ConversationFilter;
  readonly order?:
    | 'newestFirst'
    | 'oldestFirst'
    | 'latestStoreFirst'
    | 'earliestStoreFirst'
    | 'latestUpdateFirst'
    | 'earliestUpdateFirst';
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
  /** True to count what the filter finds, on all pages together. */
  readonly count?: boolean;
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

export interface SearchOptions extends CallControl {
  readonly filter?: ConversationFilter;
  /** Takes letters that differ only in case as equal. */
  readonly ignoreCase?: boolean;
  /** Finds the text only between characters that belong to no word. */
  readonly wholeWords?: boolean;
  /** Limit of the hits: 100 if absent, 1000 at most. */
  readonly limit?: number;
  /** `nextPageToken` of a part of the same search. */
  readonly pageToken?: string;
}

/** A place where the text stands. */
export interface SearchHit {
  readonly conversationId: string;
  readonly revision: number;
  readonly messageIndex: number;
  /** Offset in the message's text, in Unicode code points. */
  readonly textOffset: number;
  readonly snippet: string;
  /** Offset in the snippet, in Unicode code points. */
  readonly snippetOffset: number;
  readonly snippetEndsMessage: boolean;
  readonly role: string;
}

export interface SearchPart {
  readonly hits: readonly SearchHit[];
  /** Token to go on with; empty at the end, and between the hits of one conversation. */
  readonly nextPageToken: string;
  /** Conversations searched so far, and those of them with messages that could not be searched. */
  readonly conversations: number;
  readonly unsearched: number;
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
  /** Present if it was asked for. */
  readonly total?: { readonly count: number; /** True: there are more. */ readonly isLowerBound: boolean };
  readonly damaged: readonly DamagedConversation[];
}
