import type { Conversation, SegmentHash } from '../../model/index.js';
import type { ConversationFilter } from '../../storage/index.js';
import type { MessageContent } from '../content.js';
import type { ShingleSet } from '../../text/index.js';

/** Content that others are compared with. */
export type SimilarTarget =
  | { readonly kind: 'conversation'; readonly id: string }
  | { readonly kind: 'segment'; readonly hash: SegmentHash }
  | { readonly kind: 'content'; readonly content: MessageContent; readonly tokenizer: string };

export interface SimilarInput {
  readonly target: SimilarTarget;
  /** Least similarity, above 0 and at most 1. */
  readonly threshold: number;
  readonly filter: ConversationFilter;
  readonly order: 'similarity' | 'newest';
  readonly limit: number;
}

/** Exact similarity: shingles that both have, of those that either has. */
export interface Similarity {
  readonly similarity: number;
  readonly shared: number;
  readonly either: number;
}

export interface SimilarMatch extends Similarity {
  readonly tokenCount: number;
  /** One of them is given. */
  readonly conversation?: Conversation;
  readonly segment?: SegmentHash;
}

export interface SimilarResult {
  readonly matches: readonly SimilarMatch[];
  /** Conversations or segments that were looked at, and those of them that could not be compared. */
  readonly compared: number;
  readonly uncompared: number;
}

/** Compares two sets of shingles. */
export function similarityOf(one: ShingleSet, other: ShingleSet): Similarity {
  const shared = one.shared(other);
  const either = one.size + other.size - shared;
  return { similarity: either === 0 ? 0 : shared / either, shared, either };
}

/** Matches so far: all in the order that they came, or the best. */
export class Matches {
  compared = 0;
  uncompared = 0;
  #kept: SimilarMatch[] = [];

  constructor(private readonly input: Pick<SimilarInput, 'order' | 'limit'>) {}

  get isFull(): boolean {
    return this.input.order === 'newest' && this.#kept.length >= this.input.limit;
  }

  add(match: SimilarMatch): void {
    this.#kept.push(match);
    if (this.#kept.length >= 2 * this.input.limit) this.#cut();
  }

  result(): SimilarResult {
    this.#cut();
    return { matches: this.#kept, compared: this.compared, uncompared: this.uncompared };
  }

  /** Sorting keeps the order of equals: the newest comes first. */
  #cut(): void {
    if (this.input.order === 'similarity') this.#kept.sort((a, b) => b.similarity - a.similarity);
    this.#kept = this.#kept.slice(0, this.input.limit);
  }
}
