import type { Conversation } from '../model/index.js';
import type { CallControl } from './connection-types.js';
import type { ConversationFilter, PrefixContent } from './read-types.js';

/** Content that others are compared with: one of the three. */
export interface SimilarTarget {
  readonly conversationId?: string;
  readonly segmentHash?: string;
  /** Content of one message. */
  readonly content?: PrefixContent;
  /** Used for text. */
  readonly tokenizer?: string;
}

export interface SimilarOptions extends CallControl {
  /** Least similarity, above 0 and at most 1: 0.8 if absent. */
  readonly threshold?: number;
  readonly filter?: ConversationFilter;
  readonly order?: 'similarity' | 'newest';
  /** Limit of the matches: 50 if absent, 1000 at most. */
  readonly limit?: number;
}

/** A near-duplicate: a conversation, or a segment. */
export interface SimilarMatch {
  readonly conversation: Conversation | undefined;
  readonly segmentHash: string;
  readonly tokenCount: number;
  /** Jaccard index of the shingles: those that both have, of those that either has. */
  readonly similarity: number;
  readonly sharedShingles: number;
  readonly shingles: number;
}

export interface SimilarResult {
  readonly matches: readonly SimilarMatch[];
  /** Conversations or segments that were looked at, and those of them that could not be compared. */
  readonly compared: number;
  readonly uncompared: number;
}

export interface DuplicatesOptions extends CallControl {
  readonly filter?: ConversationFilter;
  /** Least similarity, 0.5 to 1: 0.8 if absent. */
  readonly threshold?: number;
  /** Limit of the groups: 50 if absent, 1000 at most. */
  readonly limit?: number;
}

export interface Duplicate {
  readonly conversationId: string;
  readonly similarity: number;
  readonly tokenCount: number;
}

/** Part of the answer: counts alone while the vault is read, then groups of near-duplicates. */
export interface DuplicatesPart {
  /** Oldest conversation of a group; empty without one. */
  readonly conversationId: string;
  readonly tokenCount: number;
  /** Conversations similar to the oldest one. A group with more than 1000 goes on in the next part. */
  readonly duplicates: readonly Duplicate[];
  /** Conversations read so far, and those of them that were not compared, or not kept to be compared with. */
  readonly conversations: number;
  readonly uncompared: number;
  readonly notKept: number;
}
