import type { Conversation, SegmentHash } from '../../model/index.js';
import type {
  ChunkContent,
  FailedItem,
  MessageContent,
  MessageDescription,
  NewMessage,
  TokenEncoding,
} from '../content.js';

/** A limit of 0 means no limit. */
export interface RetrieveRange {
  readonly messageOffset?: number;
  readonly messageLimit?: number;
  /** Offset over the whole conversation. */
  readonly tokenOffset?: number;
  readonly tokenLimit?: number;
}

export interface RetrieveInput extends RetrieveRange {
  readonly id: string;
  readonly encoding: TokenEncoding;
  readonly ifRevision?: number | undefined;
  /** Gives the fields of each message with its description. */
  readonly includeFields?: boolean;
  /** With text: gives le32 where text does not encode to the very tokens. */
  readonly exactText?: boolean;
  /** With text: gives its tokens beside it. */
  readonly includeTokens?: boolean;
  /** Gives one message: the prompt that the messages make, from the first one on. */
  readonly render?: RenderInput | undefined;
}

export interface RenderInput {
  /** Jinja; the tokenizer's own template if absent. */
  readonly chatTemplate: string | undefined;
  readonly addGenerationPrompt: boolean;
}

/** An attachment, by its message's number and its own, both from 0. */
export interface AttachmentInput {
  readonly id: string;
  readonly messageIndex: number;
  readonly index: number;
  readonly ifRevision?: number | undefined;
}

/** Messages to render that are not stored. */
export interface RenderMessagesInput {
  /** Tokenizer of the prompt; that of the model if empty. */
  readonly tokenizer: string;
  readonly model: string;
  readonly messages: readonly NewMessage[];
  readonly render: RenderInput;
  readonly timeMs: number;
}

export interface RetrieveManyInput {
  readonly ids: readonly string[];
  readonly encoding: TokenEncoding;
  /** With le32: gives messages joined, not in chunks. */
  readonly joined?: boolean;
}

export interface FindPrefixInput {
  readonly content: MessageContent;
  /** For text. */
  readonly tokenizer: string;
  /** All applications if undefined. */
  readonly application: string | undefined;
  /** Conversations that share fewer tokens are left out. */
  readonly minTokens: number;
  readonly limit: number;
}

/** A conversation, and the number of tokens that it shares from the beginning. */
export interface PrefixMatch {
  readonly conversation: Conversation;
  readonly sharedTokens: number;
}

export type RetrievePart =
  | { readonly kind: 'header'; readonly conversation: Conversation }
  | {
      readonly kind: 'chunk';
      readonly messageIndex: number;
      /** Offset of the content in its message, in tokens: 0 unless the range begins inside the message. */
      readonly tokenOffset: number;
      /** Absent for an empty message. */
      readonly content: ChunkContent | undefined;
      readonly endOfMessage: boolean;
      /** Present on the first chunk of a message that is sent. */
      readonly message: MessageDescription | undefined;
    };

/** Messages of a conversation, one after the other. */
export interface JoinedMessages {
  readonly kind: 'joined';
  /** Tokens as le32, in pieces. A message that is long may go on in the next part. */
  readonly pieces: readonly Uint8Array[];
  /** Messages that begin here. */
  readonly messages: readonly Pick<MessageDescription, 'role' | 'tokenCount'>[];
}

/** A part of one of many conversations, or its failure, after which no other part of it follows. */
export interface RetrieveManyPart {
  readonly index: number;
  readonly part: RetrievePart | JoinedMessages | FailedItem;
}

export interface MessageWithSegments extends MessageDescription {
  readonly segments: readonly { readonly hash: SegmentHash; readonly tokenCount: number }[];
}

export interface DescribeOptions {
  /** 0 if absent. */
  readonly messageOffset?: number;
  /** No limit if 0 or absent. */
  readonly messageLimit?: number;
  readonly ifRevision?: number | undefined;
}

export interface DescribedPage {
  readonly conversation: Conversation;
  readonly messages: readonly MessageWithSegments[];
  /** Offset of the message after the last one; undefined if there is none. */
  readonly next: number | undefined;
}
