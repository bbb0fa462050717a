import type { Preparation } from '../maintain/preparation.js';

/** Of the bytes of frames and registries: what a compaction must save where nobody says otherwise. */
export const minSavingsRatioDefault = 0.05;

export interface CompactInput {
  /** Stop after the plan, and change nothing. */
  readonly dryRun: boolean;
  /**
   * Part of the bytes of frames and registries that must be saved, 0 to 1: below it no frame is changed. Pages are
   * written anew where that frees this part of those in use.
   */
  readonly minSavingsRatio: number;
  /** What this run may rewrite; it ends with a resume token when it reaches one of them. */
  readonly segmentsMax: number | undefined;
  readonly bytesMax: number | undefined;
  readonly timeMsMax: number | undefined;
  /** Where an earlier run stopped; empty to begin anew. */
  readonly resumeToken: string;
  /** Whether how far the check, the sample and the training are comes before the plan. */
  readonly reportPreparation?: boolean;
}

export interface CompactPlan {
  readonly kind: 'plan';
  /** Segments stored, and bytes of their frames. */
  readonly segments: number;
  readonly frameBytes: number;
  /** What the registry was trained on; 0 when one that is there is used. */
  readonly sampleSegments: number;
  readonly sampleTokens: number;
  readonly registryId: number;
  readonly registryBytes: number;
  readonly newRegistry: boolean;
  /** Frames after it, from rewriting segments that were not trained on. */
  readonly predictedFrameBytes: number;
  /** Of frames and registries together; negative when they would grow. */
  readonly predictedSavingsRatio: number;
  /** Bytes of half-empty pages that come free when they are written anew, about. */
  readonly loosePageBytes: number;
}

export interface CompactFigures {
  /** Segments looked at so far. */
  readonly segmentsDone: number;
  readonly segments: number;
  /** Frames of these, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface CompactProgress extends CompactFigures {
  readonly kind: 'progress';
  readonly segmentsPerSecond: number;
  /** Goes on after what is committed. */
  readonly resumeToken: string;
}

export type CompactEnd =
  | 'complete'
  | 'dryRun'
  /** The plan saves less than minSavingsRatio, of frames as of pages: nothing was changed. */
  | 'notWorthIt'
  /** A budget was reached; resumeToken goes on. */
  | 'budgetReached';

export interface CompactSummary extends CompactFigures {
  readonly kind: 'summary';
  readonly end: CompactEnd;
  readonly segmentsRewritten: number;
  readonly registryId: number;
  readonly registriesDropped: readonly number[];
  readonly inUseBytesBefore: number;
  readonly inUseBytesAfter: number;
  readonly resumeToken: string;
}

export type CompactPart = Preparation | CompactPlan | CompactProgress | CompactSummary;
