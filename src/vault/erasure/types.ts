import type { LabelValue, SegmentHash } from '../../model/index.js';

export interface EraseInput {
  /** Conversations with one of these ids, or with all of these metadata entries. */
  readonly selection:
    | { readonly kind: 'ids'; readonly ids: readonly string[] }
    | { readonly kind: 'labels'; readonly labels: readonly LabelValue[] };
  readonly dryRun: boolean;
  /** Limit of the wait for those who read what is to be erased. */
  readonly waitMs: number;
}

export const erasePhases = [
  'deleting',
  'collecting',
  'forgetting',
  'registries',
  'overwriting',
  'verifying',
] as const;
export type ErasePhase = (typeof erasePhases)[number];

export interface EraseProgress {
  readonly kind: 'progress';
  readonly phase: ErasePhase;
  readonly conversations: number;
}

/** A segment of what was erased that stays, because others refer to it. */
export interface SharedContent {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly references: number;
}

/** A reason why an erasure is not complete. */
export type EraseGap =
  /** Somebody read what was to be erased until the end. */
  | 'readers'
  /** Conversations or frames that cannot be read, and so cannot be proven to be others'. */
  | 'damage'
  /** A registry with erased text is in use still. */
  | 'registries'
  /** Conversations of the selection were stored meanwhile. */
  | 'stored'
  /** The vault is in a database, whose files keep deleted rows for a while. */
  | 'database';

/** Receipt of an erasure; of a dry run, only the first two parts have figures. */
export interface EraseReceipt {
  readonly kind: 'receipt';
  readonly timeMs: number;
  readonly isDryRun: boolean;

  /** Deleted, or to be deleted. */
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly missing: number;
  readonly segments: number;
  readonly segmentTokens: number;

  /** Content that others have too, and that stays; the longest of it. */
  readonly sharedSegments: number;
  readonly sharedTokens: number;
  readonly shared: readonly SharedContent[];
  /** Conversations that name an erased one as their parent. */
  readonly children: number;

  readonly forgottenRequests: number;
  readonly forgottenUsageGroups: number;
  readonly registriesCompared: number;
  readonly registriesReplaced: readonly number[];

  /** Proof: all pages of the files, and what a check of every record found. */
  readonly pagesInUse: number;
  readonly pagesFree: number;
  readonly overwrittenBytes: number;
  readonly violations: number;
  readonly gaps: readonly EraseGap[];
}

export type ErasePart = EraseProgress | EraseReceipt;
