import { type VaultStats } from '../model/index.js';
import type { StoredRegistry } from '../storage/index.js';
import type {
  CollectPart,
  CompactEnd,
  CompactPart,
  EraseGap,
  ErasePart,
  ErasePhase,
  Preparation,
  VerifyPart,
} from '../vault/index.js';
import * as R from './generated/responses.js';
import { timestamp } from './responses.js';

const preparationPhases = {
  checking: R.PreparationPhase.CHECKING,
  sampling: R.PreparationPhase.SAMPLING,
  training: R.PreparationPhase.TRAINING,
} as const;

function preparationFields({ phase, done, total }: Preparation): { readonly preparation: R.Preparation } {
  return { preparation: { phase: preparationPhases[phase], done, total } };
}

export function collectFields(part: CollectPart): R.CollectGarbageResponse {
  if (part.kind === 'preparation') return preparationFields(part);
  const figures = { segments: part.segments, bytes: part.frameBytes };
  switch (part.kind) {
    case 'plan':
      return { plan: figures };
    case 'progress':
      return { progress: figures };
    case 'summary':
      return { summary: { ...figures, kept_segments: part.keptSegments } };
  }
}

const erasePhaseNumbers = {
  deleting: R.ErasePhase.DELETING,
  collecting: R.ErasePhase.COLLECTING,
  forgetting: R.ErasePhase.FORGETTING,
  registries: R.ErasePhase.REGISTRIES,
  overwriting: R.ErasePhase.OVERWRITING,
  verifying: R.ErasePhase.VERIFYING,
} as const satisfies Record<ErasePhase, number>;

const eraseGapNumbers = {
  readers: R.EraseGap.READERS,
  damage: R.EraseGap.DAMAGE,
  registries: R.EraseGap.REGISTRIES,
  stored: R.EraseGap.STORED,
  database: R.EraseGap.DATABASE,
} as const satisfies Record<EraseGap, number>;

export function eraseFields(part: ErasePart): R.EraseConversationsResponse {
  if (part.kind === 'progress')
    return { progress: { phase: erasePhaseNumbers[part.phase], conversations: part.conversations } };
  return {
    receipt: {
      time: timestamp(part.timeMs),
      dry_run: part.isDryRun,
      conversations: part.conversations,
      messages: part.messages,
      tokens: part.tokens,
      missing: part.missing,
      segments: part.segments,
      segment_tokens: part.segmentTokens,
      shared_segments: part.sharedSegments,
      shared_tokens: part.sharedTokens,
      shared: part.shared.map(({ hash, tokenCount, references }) => ({
        hash,
        tokens: tokenCount,
        references,
      })),
      children: part.children,
      forgotten_requests: part.forgottenRequests,
      forgotten_usage_groups: part.forgottenUsageGroups,
      registries_compared: part.registriesCompared,
      registries_replaced: [...part.registriesReplaced],
      pages_in_use: part.pagesInUse,
      pages_free: part.pagesFree,
      overwritten_bytes: part.overwrittenBytes,
      violations: part.violations,
      gaps: part.gaps.map((gap) => eraseGapNumbers[gap]),
    },
  };
}

export function statsFields(stats: VaultStats): R.GetStatsResponse {
  return {
    conversations: stats.conversations,
    messages: stats.messages,
    segments: stats.segments,
    tokens: stats.tokens,
    unique_tokens: stats.uniqueTokens,
    raw_bytes: 4 * stats.tokens,
    unique_raw_bytes: 4 * stats.uniqueTokens,
    segment_bytes: stats.segmentBytes,
    registry_bytes: stats.registryBytes,
    garbage_segments: stats.garbageSegments,
    garbage_bytes: stats.garbageBytes,
    in_use_bytes: stats.inUseBytes,
    file_bytes: stats.fileBytes,
  };
}

const verifyPhases = {
  checking: R.VerifyPhase.CHECKING,
  rebuilding: R.VerifyPhase.REBUILDING,
  checkingAgain: R.VerifyPhase.CHECKING_AGAIN,
} as const;

export function verifyFields(part: VerifyPart): R.VerifyVaultResponse {
  switch (part.kind) {
    case 'progress':
      return {
        progress: { records_done: part.done, records: part.total, phase: verifyPhases[part.phase] },
      };
    case 'violation':
      return { violation: violationFields(part) };
    case 'repaired':
      return { repaired: violationFields(part) };
    case 'note':
      return { note: { subject: part.subject, detail: part.detail } };
    case 'summary':
      return {
        summary: { records: part.records, violations: part.violations, repaired: part.repaired },
      };
  }
}

function violationFields({ invariant, subject, detail }: R.Violation): R.Violation {
  return { invariant, subject, detail };
}

const ends = {
  complete: R.CompactionEnd.COMPLETE,
  dryRun: R.CompactionEnd.DRY_RUN,
  notWorthIt: R.CompactionEnd.NOT_WORTH_IT,
  budgetReached: R.CompactionEnd.BUDGET_REACHED,
} as const satisfies Record<CompactEnd, number>;

/** Returns a CompactSubstringsResponse. */
export function compactFields(part: CompactPart): R.CompactSubstringsResponse {
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
          reclaimable_page_bytes: part.reclaimablePageBytes,
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

export function registryFields(registry: StoredRegistry): R.RegistryInfo {
  return {
    id: registry.id,
    create_time: timestamp(registry.createTimeMs),
    bytes: registry.bytes,
    segments: registry.segments,
    segment_bytes: registry.frameBytes,
    ratio: registry.tokens === 0 ? 0 : registry.frameBytes / (4 * registry.tokens),
  };
}
