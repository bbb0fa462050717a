import { fromUint64, fromWireTime, type WireTime } from './numbers.js';
import { fromWirePreparation, type Preparation, type WirePreparation } from './wire.js';
import type { CallControl } from './types.js';

export interface CompactOptions extends CallControl {
  readonly dryRun?: boolean;
  /** Part of the bytes that must be saved, 0 to 1; the server's default when absent. */
  readonly minSavingsRatio?: number;
  readonly resumeToken?: string;
  readonly segmentsMax?: number;
  readonly bytesMax?: number;
  readonly timeMsMax?: number;
  /** Whether parts come before the plan that tell how far it is. */
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
  readonly loosePageBytes: number;
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
} as const;

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
  /** Bytes of its frames for each raw byte of their segments. */
  readonly ratio: number;
}

/** A message as it comes: 64-bit numbers are decimal strings, enums are names. */
export interface WireCompactResponse {
  readonly part?: 'preparation' | 'plan' | 'progress' | 'summary';
  readonly preparation?: WirePreparation;
  readonly plan?: WireFields;
  readonly progress?: WireFields;
  readonly summary?: WireFields;
}

type WireFields = Readonly<Record<string, string | number | boolean | readonly number[]>>;

export interface WireRegistries {
  readonly registries: readonly {
    readonly id: number;
    readonly createTime: WireTime | null;
    readonly bytes: string;
    readonly segments: string;
    readonly segmentBytes: string;
    readonly ratio: number;
  }[];
}

export function fromWireCompact(message: WireCompactResponse): CompactPart | undefined {
  const { part: kind } = message;
  if (kind === 'preparation') return fromWirePreparation(message.preparation!);
  const fields = kind && message[kind];
  if (!fields) return undefined;
  const count = (name: string) => fromUint64(name, String(fields[name]));
  const shared = () => ({
    segmentsDone: count('segmentsDone'),
    bytesBefore: count('bytesBefore'),
    bytesAfter: count('bytesAfter'),
    resumeToken: String(fields['resumeToken']),
  });
  switch (kind) {
    case 'plan':
      return {
        kind,
        segments: count('segments'),
        segmentBytes: count('segmentBytes'),
        sampleSegments: count('sampleSegments'),
        sampleTokens: count('sampleTokens'),
        registryId: Number(fields['registryId']),
        registryBytes: count('registryBytes'),
        newRegistry: fields['newRegistry'] === true,
        predictedSegmentBytes: count('predictedSegmentBytes'),
        predictedSavingsRatio: Number(fields['predictedSavingsRatio']),
        loosePageBytes: count('loosePageBytes'),
      };
    case 'progress':
      return {
        kind,
        ...shared(),
        segments: count('segments'),
        segmentsPerSecond: count('segmentsPerSecond'),
      };
    case 'summary':
      return {
        kind,
        ...shared(),
        end: ends[fields['end'] as keyof typeof ends] ?? 'unknown',
        segmentsRewritten: count('segmentsRewritten'),
        registryId: Number(fields['registryId']),
        registriesDropped: fields['registriesDropped'] as readonly number[],
        inUseBytesBefore: count('inUseBytesBefore'),
        inUseBytesAfter: count('inUseBytesAfter'),
      };
  }
}

export function fromWireRegistries({ registries }: WireRegistries): RegistryInfo[] {
  return registries.map((registry) => ({
    id: registry.id,
    createTimeMs: fromWireTime('create_time', registry.createTime),
    bytes: fromUint64('bytes', registry.bytes),
    segments: fromUint64('segments', registry.segments),
    segmentBytes: fromUint64('segment_bytes', registry.segmentBytes),
    ratio: registry.ratio,
  }));
}
