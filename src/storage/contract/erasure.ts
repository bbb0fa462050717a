import type { Conversation, LabelValue } from '../../model/index.js';

/** Conversations that are deleted and are to be forgotten. */
export interface ForgetQuery {
  /** Those with these ids, or else those with all of these metadata entries; undefined: labels alone. */
  readonly isForgotten: ((conversation: Pick<Conversation, 'id' | 'metadata'>) => boolean) | undefined;
  /** Metadata entries that no conversation that stays has. */
  readonly labels: readonly LabelValue[];
  readonly signal: AbortSignal;
}

/** Records that were removed or rewritten. */
export interface Forgotten {
  /** Results of requests, which have the conversation's id and its metadata. */
  readonly requests: number;
  /** Groups of usage that had one of the labels' values: they count without it from now on. */
  readonly usageGroups: number;
}

export interface OverwriteOptions {
  /** Limit of the wait for readers of earlier states. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface Overwritten {
  /** Pages of the vault's files that have content. */
  readonly pagesInUse: number;
  /** Pages without content. */
  readonly pagesFree: number;
  /** Bytes without content that were not zero, and are now. */
  readonly overwrittenBytes: number;
  /** True if deleted rows may be left in files that are not the vault's own: those of a database. */
  readonly leavesRows?: boolean;
  /** False if somebody still read an earlier state: call it once more. */
  readonly isComplete: boolean;
}
