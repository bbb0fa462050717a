import type { Conversation, ConversationSpec, SegmentHash, Speaker, StowkenError } from '../model/index.js';
import type {
  ConversationFilter,
  DamagedConversation,
  RepairPhase,
  SegmentKey,
  Violation,
} from '../storage/index.js';
import type { Preparation } from './maintain/preparation.js';

/** A message's content as it arrived. Its buffers are read once, during the call, and never changed. */
export type MessageContent =
  /** No content: an empty message. */
  | { readonly kind: 'none' }
  /**
   * The chunks of a `repeated uint32` field in order, each LEB128 varints: not yet validated, perhaps
   * over-long.
   */
  | { readonly kind: 'varints'; readonly chunks: readonly Uint8Array[] }
  /** Tokens as 4-byte little-endian words; not yet validated. */
  | { readonly kind: 'le32'; readonly bytes: Uint8Array }
  /** Text in UTF-8. It does not become a string here: strings fill the heap, which is smaller than memory. */
  | { readonly kind: 'text'; readonly utf8: Uint8Array };

export interface NewMessage extends Speaker {
  readonly content: MessageContent;
}

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
  | { readonly kind: 'message'; readonly speaker: Speaker }
  /** The next block of the message. */
  | { readonly kind: 'tokens'; readonly content: MessageContent }
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

export type TokenEncoding = 'tokens' | 'le32' | 'text';

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
}

export interface RetrieveManyInput {
  readonly ids: readonly string[];
  readonly encoding: TokenEncoding;
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

/** Content of a chunk; bytes belong to the receiver. */
export type ChunkContent =
  | { readonly kind: 'varints'; readonly bytes: Uint8Array }
  | { readonly kind: 'le32'; readonly bytes: Uint8Array }
  /** `replaced`: bytes that are not UTF-8 became U+FFFD. */
  | { readonly kind: 'text'; readonly text: string; readonly replaced: boolean };

export interface MessageDescription extends Speaker {
  readonly tokenCount: number;
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

/** A part of one of many conversations, or its failure, after which no other part of it follows. */
export interface RetrieveManyPart {
  readonly index: number;
  readonly part: RetrievePart | FailedItem;
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

export interface DeleteOptions {
  readonly allowMissing: boolean;
  readonly ifRevision?: number | undefined;
  readonly requestId?: string | undefined;
}

export interface DeleteManyInput {
  readonly selection:
    | { readonly kind: 'ids'; readonly ids: readonly string[] }
    | { readonly kind: 'filter'; readonly filter: ConversationFilter };
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

export interface GarbageFigures {
  readonly segments: number;
  readonly frameBytes: number;
}

export interface CollectOptions {
  readonly dryRun: boolean;
  readonly minAgeMs: number;
  /** True to report the progress of the check before the plan. */
  readonly reportPreparation?: boolean;
}

export type CollectPart =
  | Preparation
  | ({ readonly kind: 'plan' } & GarbageFigures)
  | ({ readonly kind: 'progress' } & GarbageFigures)
  | ({ readonly kind: 'summary'; readonly keptSegments: number } & GarbageFigures);

export interface PutSegmentsInput {
  /** Text is excluded: a segment has no tokenizer. */
  readonly contents: readonly Exclude<MessageContent, { kind: 'text' }>[];
  /** Holder that refers to all of them from the same commit on. */
  readonly holder: string | undefined;
}

/** An item of a batch that failed; the others did not. */
export interface FailedItem {
  readonly kind: 'failed';
  readonly error: StowkenError;
}

export type PutSegmentOutcome =
  { readonly kind: 'stored'; readonly hash: SegmentHash; readonly tokenCount: number } | FailedItem;

export interface GetSegmentsInput {
  readonly hashes: readonly SegmentHash[];
  readonly encoding: Exclude<TokenEncoding, 'text'>;
}

/** One chunk or more of each segment asked for, or one failure. */
export type SegmentPart =
  | {
      readonly kind: 'chunk';
      /** Index among the segments asked for. */
      readonly index: number;
      /** Tokens of the whole segment. */
      readonly tokenCount: number;
      readonly tokenOffset: number;
      readonly content: Exclude<ChunkContent, { kind: 'text' }>;
      readonly endOfSegment: boolean;
    }
  | ({ readonly index: number } & FailedItem);

export type HasSegmentOutcome =
  | { readonly kind: 'stored'; readonly tokenCount: number; readonly refCount: number }
  | { readonly kind: 'absent' }
  | FailedItem;

/** `refCount`: the segment's references after the change, its manifests' included. */
export type ReferenceResult = { readonly kind: 'done'; readonly refCount: number } | FailedItem;

export interface GarbageSegmentPage {
  readonly segments: readonly {
    readonly hash: SegmentHash;
    readonly tokenCount: number;
    readonly frameBytes: number;
  }[];
  /** Segments of the page whose hash cannot be read. */
  readonly damaged: readonly DamagedSegment[];
  /** Undefined on the last page. */
  readonly next: SegmentKey | undefined;
}

export interface DamagedSegment {
  readonly frameBytes: number;
  readonly error: StowkenError;
}

/** Progress now and then, repaired violations, violations, oddities that are no errors, a summary. */
export type VerifyPart =
  | {
      readonly kind: 'progress';
      readonly phase: RepairPhase;
      readonly done: number;
      readonly total: number;
    }
  | ({ readonly kind: 'repaired' | 'violation' } & Violation)
  | { readonly kind: 'note'; readonly subject: string; readonly detail: string }
  | {
      readonly kind: 'summary';
      readonly records: number;
      readonly repaired: number;
      readonly violations: number;
    };
