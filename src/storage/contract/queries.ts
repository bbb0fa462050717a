import { type Conversation, limits, type Speaker } from '../../model/index.js';
import type { SegmentKey, StoredSegment } from './change.js';

/** Bytes of a block's fingerprint; blocks have limits.prefixBlockTokens tokens. */
export const prefixFingerprintBytes = 4;

export interface PrefixQuery {
  /** All applications when undefined. */
  readonly application: string | undefined;
  /** Fingerprints of the whole blocks, in order. */
  readonly blocks: Uint8Array;
  /** Conversations at most; which ones is open when there are more. */
  readonly limit: number;
}

export interface PrefixFinding {
  readonly blocks: number;
  /** None when blocks is 0. */
  readonly ids: readonly string[];
}

/** A registry, and the frames that name it. */
export interface StoredRegistry {
  readonly id: number;
  readonly bytes: number;
  readonly createTimeMs: number;
  readonly segments: number;
  readonly tokens: number;
  readonly frameBytes: number;
}

export interface ScanQuery {
  /** The last scan's `next`. */
  readonly after?: SegmentKey;
  readonly limit: number;
  /** Bytes of frames; one segment is returned in any case. */
  readonly bytesMax: number;
}

export interface ScannedSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  /** The caller's own. */
  readonly frame: Uint8Array;
}

export interface SegmentScan {
  readonly segments: readonly ScannedSegment[];
  readonly next: SegmentKey | undefined;
}

/** A message as a snapshot gives it. */
export interface StoredMessage extends Speaker {
  readonly tokenCount: number;
  readonly segments: readonly { readonly key: SegmentKey; readonly tokenCount: number }[];
}

/** One revision of a conversation. Until release(), no segment that it names is collected. */
export interface ConversationSnapshot {
  readonly conversation: Conversation;
  /** The messages from number `from` on (0 when undefined), decoded as they are asked for: what is passed over costs next to nothing. */
  messages(from?: number): Iterable<StoredMessage>;
  /** Which message has the token at this offset, or messageCount at the end; and the tokens before that message. */
  locate(tokenOffset: number): { readonly message: number; readonly tokensBefore: number };
  release(): void;
}

export interface ConversationFilter {
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  /** At or after. */
  readonly createTimeFromMs?: number;
  /** Before. */
  readonly createTimeBeforeMs?: number;
  readonly tokensMin?: number;
  readonly tokensMax?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListQuery {
  readonly filter: ConversationFilter;
  readonly order: 'newestFirst' | 'oldestFirst';
  readonly limit: number;
  /** Conversations to look at before the page ends, full or not. */
  readonly scanLimit: number;
  /** The last page's `next`. */
  readonly after?: number;
  /** Ends a long look, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** A conversation whose record does not decode. */
export interface DamagedConversation {
  /** Under which it can be deleted; undefined where nothing says it any more. */
  readonly id: string | undefined;
  readonly detail: string;
}

export interface ConversationPage {
  readonly conversations: readonly Conversation[];
  /** Those of the page's stretch that nobody can tell whether they are asked for; they count to its limit. */
  readonly damaged?: readonly DamagedConversation[];
  /** The position after which the next page begins, in creation order; undefined on the last page. */
  readonly next: number | undefined;
}

export interface GarbageQuery {
  readonly limit: number;
  /** Only what has been garbage since this time or earlier. */
  readonly garbageBeforeMs: number;
  /** The last page's `next`. */
  readonly after?: SegmentKey;
}

export interface GarbagePage {
  readonly segments: readonly StoredSegment[];
  readonly next: SegmentKey | undefined;
}

/** The whole blocks of so many tokens. */
export function wholeBlocks(tokens: number): number {
  return Math.floor(tokens / limits.prefixBlockTokens);
}

/** Fingerprints one by one, in hex. */
export function fingerprints(blocks: Uint8Array = new Uint8Array(0)): string[] {
  return Array.from({ length: blocks.length / prefixFingerprintBytes }, (_, block) =>
    Buffer.from(
      blocks.subarray(block * prefixFingerprintBytes, (block + 1) * prefixFingerprintBytes),
    ).toString('hex'),
  );
}
