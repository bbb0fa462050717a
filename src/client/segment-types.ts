import type { ClientError } from './errors.js';
import type { CallControl } from './connection-types.js';

/** Token ids, or le32 (4-byte little-endian). */
export type SegmentTokens = Uint32Array | Uint8Array | readonly number[];

export interface PutSegmentsOptions extends CallControl {
  /** Holder that refers to all of them from the same commit on; none if absent. */
  readonly holder?: string;
}

/** An item of a batch that failed; the others did not. */
export interface FailedItem {
  readonly kind: 'failed';
  readonly error: ClientError;
}

export type PutSegmentResult =
  { readonly kind: 'stored'; readonly hash: string; readonly tokenCount: number } | FailedItem;

/** Tokens are in memory of their own. */
export type SegmentResult =
  | { readonly kind: 'segment'; readonly hash: string; readonly tokens: Uint32Array }
  | ({ readonly hash: string } & FailedItem);

export type HasSegmentResult =
  | { readonly kind: 'stored'; readonly tokenCount: number; readonly refCount: number }
  | { readonly kind: 'absent' }
  | FailedItem;

export interface SegmentReference {
  readonly hash: string;
  /** A name of 1 to 512 bytes of UTF-8. */
  readonly holder: string;
}

/**
 * `refCount`: the segment's references after this item, those of conversations included; 0: it is garbage
 * now.
 */
export type ReferenceResult = { readonly kind: 'done'; readonly refCount: number } | FailedItem;

export interface GarbagePageOptions extends CallControl {
  /** Entries of a page; the server's default if absent. */
  readonly pageSize?: number;
  /** `nextPageToken` of the last page. */
  readonly pageToken?: string;
}

export interface GarbagePage {
  readonly segments: readonly {
    readonly hash: string;
    readonly tokenCount: number;
    /** Bytes of its frame. */
    readonly bytes: number;
  }[];
  /** Segments of the page whose hash cannot be read; `bytes` of their frames. */
  readonly damaged: readonly { readonly error: ClientError; readonly bytes: number }[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}
