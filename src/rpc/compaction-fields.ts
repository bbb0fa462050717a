import type { StoredRegistry } from '../storage/index.js';
import type { CompactEnd, CompactPart } from '../vault/index.js';
import { preparationFields, timestamp } from './responses.js';

type Fields = Record<string, unknown>;

/** CompactionEnd's numbers. */
const ends: Readonly<Record<CompactEnd, number>> = {
  complete: 1,
  dryRun: 2,
  notWorthIt: 3,
  budgetReached: 4,
};

/** A CompactSubstringsResponse. */
export function compactFields(part: CompactPart): Fields {
  switch (part.kind) {
    case 'preparation':
      return preparationFields(part);
    case 'plan':
      return {
        plan: {
          segments: part.segments,
          segment_bytes: part.frameBytes,
          sample_segments: part.sampleSegments,
          sample_tokens: part.sampleTokens,
          registry_id: part.registryId,
          registry_bytes: part.registryBytes,
          new_registry: part.newRegistry,
          predicted_segment_bytes: part.predictedFrameBytes,
          predicted_savings_ratio: part.predictedSavingsRatio,
          loose_page_bytes: part.loosePageBytes,
        },
      };
    case 'progress':
      return {
        progress: {
          segments_done: part.segmentsDone,
          segments: part.segments,
          bytes_before: part.bytesBefore,
          bytes_after: part.bytesAfter,
          segments_per_second: part.segmentsPerSecond,
          resume_token: part.resumeToken,
        },
      };
    case 'summary':
      return {
        summary: {
          end: ends[part.end],
          segments_done: part.segmentsDone,
          segments_rewritten: part.segmentsRewritten,
          bytes_before: part.bytesBefore,
          bytes_after: part.bytesAfter,
          registry_id: part.registryId,
          registries_dropped: part.registriesDropped,
          in_use_bytes_before: part.inUseBytesBefore,
          in_use_bytes_after: part.inUseBytesAfter,
          resume_token: part.resumeToken,
        },
      };
  }
}

export function registryFields(registry: StoredRegistry): Fields {
  return {
    id: registry.id,
    create_time: timestamp(registry.createTimeMs),
    bytes: registry.bytes,
    segments: registry.segments,
    segment_bytes: registry.frameBytes,
    ratio: registry.tokens === 0 ? 0 : registry.frameBytes / (4 * registry.tokens),
  };
}
