import type { Preparation } from '../maintain/preparation.js';

/** Default of minSavingsRatio, as a part of the bytes of frames and registries. */
export const minSavingsRatioDefault = 0.05;

export interface CompactInput {
  /** Stop after the plan, and change nothing. */
  readonly dryRun: boolean;
  /**
   * Part of the bytes of frames and registries that must be saved, 0 to 1; otherwise no frame is changed.
   * Pages are rewritten if that frees this part of the pages in use.
   */
  readonly minSavingsRatio: number;
  /** Budget of this compaction. If it reaches one of these limits, it ends with a resume token. */
  readonly segmentsMax: number | undefined;
  readonly bytesMax: number | undefined;
  readonly timeMsMax: number | undefined;
  /** Point at which an earlier compaction stopped; empty to start from the beginning. */
  readonly resumeToken: string;
  /** True to report the progress of the check, the sampling and the training before the plan. */
  readonly reportPreparation?: boolean;
}

export interface CompactPlan {
  readonly kind: 'plan';
  /** Stored segments, and the bytes of their frames. */
  readonly segments: number;
  readonly frameBytes: number;
  /** Segments that the registry was trained on; 0 if a stored registry is used. */
  readonly sampleSegments: number;
  readonly sampleTokens: number;
  readonly registryId: number;
  readonly registryBytes: number;
  readonly newRegistry: boolean;
  /** Frame bytes afterwards, predicted by rewriting segments that were not trained on. */
  readonly predictedFrameBytes: number;
  /** Savings of frames and registries together; negative if they would grow. */
  readonly predictedSavingsRatio: number;
  /** Estimate of the bytes that rewriting half-empty pages would free. */
  readonly reclaimablePageBytes: number;
}

export interface CompactFigures {
  /** Segments examined so far. */
  readonly segmentsDone: number;
  readonly segments: number;
  /** Frame bytes of these segments, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface CompactProgress extends CompactFigures {
  readonly kind: 'progress';
  readonly segmentsPerSecond: number;
  /** Continues after the last committed batch. */
  readonly resumeToken: string;
}

export type CompactEnd =
  | 'complete'
  | 'dryRun'
  /** The plan saves less than minSavingsRatio, of frames as well as of pages: nothing was changed. */
  | 'notWorthIt'
  /** A budget was reached; resumeToken continues. */
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
