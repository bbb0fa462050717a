import type { status } from '@grpc/grpc-js';

/** SegmentService's messages as proto-loader gives them. */

export interface WireItemStatus {
  readonly code: status;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Record<string, string>;
}

export interface WireResults<Result> {
  readonly results: readonly Result[];
}

interface WireResult {
  readonly status: WireItemStatus | null;
}

export interface WirePutResult extends WireResult {
  readonly hash: string;
  readonly tokenCount: number;
}

export interface WireHasResult extends WireResult {
  readonly found: boolean;
  readonly tokenCount: number;
  readonly refCount: string;
}

export interface WireReferenceResult extends WireResult {
  readonly refCount: string;
}

export interface WireGetSegmentsResponse extends WireResult {
  readonly index: number;
  readonly tokensLe32?: Buffer;
  readonly endOfSegment: boolean;
}

export interface WireGarbagePage {
  readonly segments: readonly {
    readonly hash: string;
    readonly tokenCount: number;
    readonly bytes: string;
  }[];
  readonly nextPageToken: string;
}
