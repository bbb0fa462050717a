import type { SegmentHash } from './segment-hash.js';

/** A token sequence as canonical LEB128 varints of u32, the form that the wire and frame 0x01 share. */
export interface TokenRun {
  /** Owned by this object: never changed, and never a view of memory that is reused. */
  readonly varints: Uint8Array;
  readonly tokenCount: number;
}

/** Description of a conversation by a client. Absent strings are empty. */
export interface ConversationSpec {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly parentId: string;
  /** Milliseconds since 1970; undefined: never. */
  readonly expireTimeMs: number | undefined;
  /** Time at which it began; absent: it begins with its first store. */
  readonly createTimeMs?: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A conversation as it is stored, without its messages. */
export interface Conversation extends ConversationSpec {
  /** 1 when created, also under the id of one that was deleted; each change adds one. */
  readonly revision: number;
  readonly totalTokens: number;
  readonly messageCount: number;
  /** Time at which it began, as the client says, or its store time. Lists, usage and lifetimes go by it. */
  readonly createTimeMs: number;
  /** Time of its first store. Never decreases in the order of conversations' numbers. */
  readonly storeTimeMs: number;
  readonly updateTimeMs: number;
}

/** True if a conversation has a create time of its own. */
export function isDated({ createTimeMs, storeTimeMs }: Conversation): boolean {
  return createTimeMs !== storeTimeMs;
}

/** Author of a message. Absent strings are empty. */
export interface Speaker {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
}

/** A part of a message by its hash, as a change names it. */
export interface NamedSegment {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
}

/** A message as a change names it: its segments by hash, in order; none if it is empty. */
export interface MessageRecord extends Speaker {
  readonly segments: readonly NamedSegment[];
  /** Number of the last of these segments that are its fields and no part of its content; none if absent. */
  readonly fieldSegments?: number;
}

/** Returns the segments of a message's content, without those of its fields. */
export function contentSegments<S>(message: {
  readonly segments: readonly S[];
  readonly fieldSegments?: number;
}): readonly S[] {
  const { segments, fieldSegments = 0 } = message;
  return fieldSegments === 0 ? segments : segments.slice(0, segments.length - fieldSegments);
}

/** Returns the message with its number of field segments, which is absent if it is 0. */
export function withFieldSegments<M extends object>(
  message: M,
  fieldSegments: number,
): M & { readonly fieldSegments?: number } {
  return fieldSegments === 0 ? message : { ...message, fieldSegments };
}

/** Returns the segments of a message's fields. */
export function fieldSegmentsOf<S>(message: {
  readonly segments: readonly S[];
  readonly fieldSegments?: number;
}): readonly S[] {
  const { segments, fieldSegments = 0 } = message;
  return fieldSegments === 0 ? [] : segments.slice(segments.length - fieldSegments);
}

/** Tokenizer of fields: it encodes any text, and decodes to the very same. Fixed by the storage format. */
export const fieldsTokenizer = 'o200k_base';

/** Figures of a vault; every one a whole number. See GetStats. */
export interface VaultStats {
  readonly conversations: number;
  readonly messages: number;
  readonly segments: number;
  readonly tokens: number;
  readonly uniqueTokens: number;
  readonly segmentBytes: number;
  readonly registryBytes: number;
  readonly garbageSegments: number;
  readonly garbageBytes: number;
  readonly inUseBytes: number;
  readonly fileBytes: number;
}
