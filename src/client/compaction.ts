import type * as W from './generated/responses.js';
import { fromUint64, fromWireTime } from './numbers.js';
import { fromWirePreparation, type Preparation } from './preparation.js';
import type { CallControl } from './connection-types.js';

export interface CompactOptions extends CallControl {
  readonly dryRun?: boolean;
  /** Part of the bytes that must be saved, 0 to 1; the server's default if absent. */
  readonly minSavingsRatio?: number;
  readonly resumeToken?: string;
  readonly segmentsMax?: number;
  readonly bytesMax?: number;
  readonly timeMsMax?: number;
  /** True to get parts before the plan that report the progress of the preparation. */
  readonly reportPreparation?: boolean;
}

export interface CompactionPlan {
  readonly kind: 'plan';
  readonly segments: number;
  readonly segmentBytes: number;
  readonly sampleSegments: number;
  readonly sampleTokens: number;
  readonly registryId: number;
  readonly registryBytes: number;
  readonly newRegistry: boolean;
  readonly predictedSegmentBytes: number;
  readonly predictedSavingsRatio: number;
  readonly reclaimablePageBytes: number;
}

export interface CompactionProgress {
  readonly kind: 'progress';
  readonly segmentsDone: number;
  readonly segments: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly segmentsPerSecond: number;
  readonly resumeToken: string;
}

const ends = {
  COMPACTION_END_UNSPECIFIED: 'unknown',
  COMPACTION_END_COMPLETE: 'complete',
  COMPACTION_END_DRY_RUN: 'dryRun',
  COMPACTION_END_NOT_WORTH_IT: 'notWorthIt',
  COMPACTION_END_BUDGET_REACHED: 'budgetReached',
} as const satisfies Record<W.CompactionEnd, string>;

export type CompactionEnd = (typeof ends)[keyof typeof ends];

export interface CompactionSummary {
  readonly kind: 'summary';
  readonly end: CompactionEnd;
  readonly segmentsDone: number;
  readonly segmentsRewritten: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly registryId: number;
  readonly registriesDropped: readonly number[];
  readonly inUseBytesBefore: number;
  readonly inUseBytesAfter: number;
  readonly resumeToken: string;
}

export type CompactPart = Preparation | CompactionPlan | CompactionProgress | CompactionSummary;

export interface RegistryInfo {
  readonly id: number;
  readonly createTimeMs: number | undefined;
  readonly bytes: number;
  readonly segments: number;
  readonly segmentBytes: number;
  /** Bytes of its frames per raw byte of their segments. */
  readonly ratio: number;
}

export function fromWireCompact(message: W.CompactSubstringsResponse): CompactPart | undefined {
  switch (message.part) {
    case undefined:
      return undefined;
    case 'preparation':
      return fromWirePreparation(message.preparation);
    case 'plan':
      return fromWirePlan(message.plan);
    case 'progress':
      return fromWireProgress(message.progress);
    case 'summary':
      return fromWireSummary(message.summary);
  }
}

function fromWirePlan(plan: W.CompactionPlan): CompactionPlan {
  return {
    kind: 'plan',
    segments: fromUint64('segments', plan.segments),
    segmentBytes: fromUint64('segment_bytes', plan.segmentBytes),
    sampleSegments: fromUint64('sample_segments', plan.sampleSegments),
    sampleTokens: fromUint64('sample_tokens', plan.sampleTokens),
    registryId: plan.registryId,
    registryBytes: fromUint64('registry_bytes', plan.registryBytes),
    newRegistry: plan.newRegistry,
    predictedSegmentBytes: fromUint64('predicted_segment_bytes', plan.predictedSegmentBytes),
    predictedSavingsRatio: plan.predictedSavingsRatio,
    reclaimablePageBytes: fromUint64('reclaimable_page_bytes', plan.reclaimablePageBytes),
  };
}

function fromWireProgress(progress: W.CompactionProgress): CompactionProgress {
  return {
    kind: 'progress',
    segmentsDone: fromUint64('segments_done', progress.segmentsDone),
    segments: fromUint64('segments', progress.segments),
    bytesBefore: fromUint64('bytes_before', progress.bytesBefore),
    bytesAfter: fromUint64('bytes_after', progress.bytesAfter),
    segmentsPerSecond: fromUint64('segments_per_second', progress.segmentsPerSecond),
    resumeToken: progress.resumeToken,
  };
}

function fromWireSummary(summary: W.CompactionSummary): CompactionSummary {
  return {
    kind: 'summary',
    end: typeof summary.end === 'number' ? 'unknown' : ends[summary.end],
    segmentsDone: fromUint64('segments_done', summary.segmentsDone),
    segmentsRewritten: fromUint64('segments_rewritten', summary.segmentsRewritten),
    bytesBefore: fromUint64('bytes_before', summary.bytesBefore),
    bytesAfter: fromUint64('bytes_after', summary.bytesAfter),
    registryId: summary.registryId,
    registriesDropped: summary.registriesDropped,
    inUseBytesBefore: fromUint64('in_use_bytes_before', summary.inUseBytesBefore),
    inUseBytesAfter: fromUint64('in_use_bytes_after', summary.inUseBytesAfter),
    resumeToken: summary.resumeToken,
  };
}

export function fromWireRegistries({ registries }: W.ListRegistriesResponse): RegistryInfo[] {
  return registries.map((registry) => ({
    id: registry.id,
    createTimeMs: fromWireTime('create_time', registry.createTime),
    bytes: fromUint64('bytes', registry.bytes),
    segments: fromUint64('segments', registry.segments),
    segmentBytes: fromUint64('segment_bytes', registry.segmentBytes),
    ratio: registry.ratio,
  }));
}
