import type { SegmentHash, StowkenError } from '../../model/index.js';
import type { SegmentKey } from '../../storage/index.js';
import type { ChunkContent, FailedItem, MessageContent, TokenEncoding } from '../content.js';

export interface PutSegmentsInput {
  /** Text is excluded: a segment has no tokenizer. */
  readonly contents: readonly Exclude<MessageContent, { kind: 'text' }>[];
  /** Holder that refers to all of them from the same commit on. */
  readonly holder: string | undefined;
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
