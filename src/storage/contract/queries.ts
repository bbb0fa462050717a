import { type Conversation, type Expiry, limits, type Speaker } from '../../model/index.js';
import type { OutsideReference, SegmentKey, StoredSegment } from './change.js';
import type { ConversationFilter } from './filter.js';

/** Bytes of a block's fingerprint; blocks have limits.prefixBlockTokens tokens. */
export const prefixFingerprintBytes = 4;

export interface PrefixQuery {
  /** All applications when undefined. */
  readonly application: string | undefined;
  /** Fingerprints of the whole blocks, in order. */
  readonly blocks: Uint8Array;
  /** Limit of the conversations returned. If more match, the choice among them is unspecified. */
  readonly limit: number;
  /** Leaves out conversations that have expired. */
  readonly expiry?: Expiry;
}

export interface PrefixFinding {
  readonly blocks: number;
  /** Empty if `blocks` is 0. */
  readonly ids: readonly string[];
}

/** A registry, and the number of frames that name it. */
export interface StoredRegistry {
  readonly id: number;
  readonly bytes: number;
  readonly createTimeMs: number;
  readonly segments: number;
  readonly tokens: number;
  readonly frameBytes: number;
}

export interface ScanQuery {
  /** `next` of the last scan. */
  readonly after?: SegmentKey;
  readonly limit: number;
  /** Limit of the frame bytes; at least one segment is returned. */
  readonly bytesMax: number;
}

export interface ScannedSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  /** Belongs to the caller. */
  readonly frame: Uint8Array;
}

export interface SegmentScan {
  readonly segments: readonly ScannedSegment[];
  readonly next: SegmentKey | undefined;
}

/** A message as a snapshot returns it. */
export interface StoredMessage extends Speaker {
  readonly tokenCount: number;
  readonly segments: readonly { readonly key: SegmentKey; readonly tokenCount: number }[];
  /** Segments of its fields, which no range and no count has; absent without fields. */
  readonly fields?: readonly { readonly key: SegmentKey; readonly tokenCount: number }[];
}

/** A message's number, and the tokens of the messages before it. */
export interface MessagePosition {
  readonly message: number;
  readonly tokensBefore: number;
}

/** Content of a conversation that its reader is going to read. */
export interface ReadAhead {
  /** Offset of its first token; 0 if absent: from the first message on. */
  readonly from?: number;
  /** Tokens of the messages whose list and frames are read first. */
  readonly tokens: number;
  /** True if these are the last ones, wherever they begin; `from` is absent then. */
  readonly last?: true;
}

/** One revision of a conversation. Until release(), none of its segments is collected. */
export interface ConversationSnapshot {
  readonly conversation: Conversation;
  /**
   * Resolves to at most `messagesMax` messages from number `from` on; to fewer only at the end. Messages
   * before `from` cost next to nothing. One call at a time.
   */
  read(from: number, messagesMax: number): Promise<readonly StoredMessage[]>;
  /**
   * Resolves to the message that has the token at this offset (messageCount at the end), and the tokens
   * before that message.
   */
  locate(tokenOffset: number): Promise<MessagePosition>;
  /**
   * Reads frames of this conversation's segments, as the backend's readFrames does. Those that came with the
   * conversation are not asked for once more. Absent if it would not be cheaper than the backend's.
   */
  readFrames?(keys: readonly SegmentKey[]): Promise<Uint8Array[]>;
  release(): void;
}

declare const listPosition: unique symbol;
/** Position of a conversation in a list. Opaque to all but the backend that made it. */
export type ListPosition = string & { readonly [listPosition]: true };

/**
 * Orders of a list: by create time, by the first store, by the time of the last change, or by expire time.
 * The last one has only conversations that expire. The order of stores needs no index.
 */
export type ListOrder =
  | 'newestFirst'
  | 'oldestFirst'
  | 'latestStoreFirst'
  | 'earliestStoreFirst'
  | 'latestUpdateFirst'
  | 'earliestUpdateFirst'
  | 'earliestExpiryFirst';

export interface ListQuery {
  readonly filter: ConversationFilter;
  readonly order: ListOrder;
  readonly limit: number;
  /** Limit of the conversations examined for a page, full or not. */
  readonly scanLimit: number;
  /** `next` of the last page. */
  readonly after?: ListPosition;
  /** Leaves out conversations that have expired. */
  readonly expiry?: Expiry;
  /** Aborts a long listing, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A conversation whose record does not decode. */
export interface DamagedConversation {
  /** Id under which it can be deleted; undefined if no record has it any more. */
  readonly id: string | undefined;
  readonly detail: string;
}

export interface ConversationPage {
  readonly conversations: readonly Conversation[];
  /**
   * Damaged conversations in the page's range, for which the filter cannot be decided. They count to the
   * page's limit.
   */
  readonly damaged?: readonly DamagedConversation[];
  /** Position after which the next page begins; undefined on the last page. */
  readonly next: ListPosition | undefined;
}

declare const referencePosition: unique symbol;
/** Position of an outside reference among all. Opaque to all but the backend that made it. */
export type ReferencePosition = string & { readonly [referencePosition]: true };

export interface ReferenceQuery {
  /** Limit of the references returned; more may be, if a backend keeps those of a segment together. */
  readonly limit: number;
  /** `next` of the last page. */
  readonly after?: ReferencePosition;
}

export interface ReferencePage {
  readonly references: readonly OutsideReference[];
  /** Position after which the next page begins; undefined on the last page. */
  readonly next: ReferencePosition | undefined;
}

export interface GarbageQuery {
  readonly limit: number;
  /** Lists only segments that have been garbage since this time or earlier. */
  readonly garbageBeforeMs: number;
  /** `next` of the last page. */
  readonly after?: SegmentKey;
}

export interface GarbagePage {
  readonly segments: readonly StoredSegment[];
  readonly next: SegmentKey | undefined;
}

/** Returns the number of whole blocks in so many tokens. */
export function wholeBlocks(tokens: number): number {
  return Math.floor(tokens / limits.prefixBlockTokens);
}

/** Returns the fingerprints one by one, in hex. */
export function fingerprints(blocks: Uint8Array = new Uint8Array(0)): string[] {
  return Array.from({ length: blocks.length / prefixFingerprintBytes }, (_, block) =>
    Buffer.from(
      blocks.subarray(block * prefixFingerprintBytes, (block + 1) * prefixFingerprintBytes),
    ).toString('hex'),
  );
}
