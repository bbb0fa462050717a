import { status } from '@grpc/grpc-js';
import { type Conversation, StowkenError, type VaultStats } from '../model/index.js';
import type { DamagedConversation, StoredRegistry } from '../storage/index.js';
import type {
  DamagedSegment,
  CollectPart,
  CompactEnd,
  CompactPart,
  DeleteManyResult,
  EraseGap,
  ErasePart,
  ErasePhase,
  HasSegmentOutcome,
  MessageWithSegments,
  Preparation,
  PutSegmentOutcome,
  ReferenceResult,
  RetrieveManyPart,
  RetrievePart,
  StoreResult,
  VerifyPart,
} from '../vault/index.js';
import { codeOf } from './errors.js';
import * as R from './generated/responses.js';
import { ResponseEncoder } from './wire/response-encoder.js';
import { encodeChunk, encodeChunkOfMany } from './wire/token-responses.js';

/** Converts milliseconds to google.protobuf.Duration, which has the fields of a Timestamp. */
export function duration(milliseconds: number): R.Duration {
  return timestamp(milliseconds);
}

/** Converts a time to google.protobuf.Timestamp. */
export function timestamp(timeMs: number): R.Timestamp {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: (timeMs - seconds * 1000) * 1_000_000 };
}

export function conversationFields(conversation: Conversation): R.Conversation {
  const { expireTimeMs } = conversation;
  return {
    id: conversation.id,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    revision: conversation.revision,
    total_tokens: conversation.totalTokens,
    message_count: conversation.messageCount,
    create_time: timestamp(conversation.createTimeMs),
    store_time: timestamp(conversation.storeTimeMs),
    update_time: timestamp(conversation.updateTimeMs),
    expire_time: expireTimeMs === undefined ? undefined : timestamp(expireTimeMs),
    parent_id: conversation.parentId,
    metadata: conversation.metadata,
  };
}

export function messageFields(message: MessageWithSegments): R.MessageInfo {
  return {
    role: message.role,
    name: message.name,
    tool_call_id: message.toolCallId,
    token_count: message.tokenCount,
    segments: message.segments.map(({ hash, tokenCount }) => ({ hash, token_count: tokenCount })),
  };
}

/** Returns the response to a store, an upload or a fork. */
export function storeFields(result: StoreResult): R.StoreConversationResponse {
  const { conversation, totalSegments, newSegments } = result;
  // Field by field: to spread an object of this size takes longer than to encode it.
  return {
    conversation: conversationFields(conversation),
    total_segments: totalSegments,
    new_segments: newSegments,
    deduped_segments: totalSegments - newSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
    unchanged: result.unchanged,
  };
}

export function appendFields(result: StoreResult): R.AppendMessagesResponse {
  return {
    conversation: conversationFields(result.conversation),
    total_segments: result.totalSegments,
    new_segments: result.newSegments,
    deduped_segments: result.totalSegments - result.newSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
  };
}

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

const one = new ResponseEncoder('stowken.v1.RetrieveConversationResponse');
const many = new ResponseEncoder('stowken.v1.RetrieveConversationsResponse');

export function* encodeRetrieved(parts: Iterable<RetrievePart>): Generator<Buffer, void, void> {
  for (const part of parts) {
    if (part.kind === 'chunk') yield encodeChunk(part);
    else yield one.encode({ header: conversationFields(part.conversation) });
  }
}

/** Encodes a response with one part; such responses back to back are the encoding of one with all parts. */
export function encodeRetrievedOfMany({ index, part }: RetrieveManyPart): Buffer {
  switch (part.kind) {
    case 'chunk':
      return encodeChunkOfMany(index, part);
    case 'header': {
      const header = conversationFields(part.conversation);
      return many.encode({ parts: [{ header, index, status: itemStatusFields() }] });
    }
    case 'failed':
      return many.encode({ parts: [{ index, status: itemStatusFields(part.error) }] });
  }
}

export function deleteManyFields(result: DeleteManyResult): R.DeleteConversationsResponse {
  return {
    conversations: result.conversations,
    missing: result.missing,
    changed: result.changed,
    released_references: result.releasedReferences,
    garbage_segments: result.garbageSegments,
    damaged: result.damaged.map(damagedFields),
  };
}

export function damagedFields({ id = '', detail }: DamagedConversation): R.DamagedConversation {
  return { id, status: itemStatusFields(new StowkenError('CORRUPT_STORE', detail, { conversation: id })) };
}

export function damagedSegmentFields({ frameBytes, error }: DamagedSegment): R.DamagedSegment {
  return { status: itemStatusFields(error), bytes: frameBytes };
}

export function putSegmentFields(outcome: PutSegmentOutcome): R.PutSegmentResult {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  return { status: itemStatusFields(), hash: outcome.hash, token_count: outcome.tokenCount };
}

export function segmentFailureFields(index: number, error: StowkenError): R.GetSegmentsResponse {
  return { index, status: itemStatusFields(error), end_of_segment: true };
}

export function hasSegmentFields(outcome: HasSegmentOutcome): R.HasSegmentResult {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  if (outcome.kind === 'absent') return { status: itemStatusFields(), found: false };
  const { tokenCount, refCount } = outcome;
  return { status: itemStatusFields(), found: true, token_count: tokenCount, ref_count: refCount };
}

export function referenceFields(result: ReferenceResult): R.ReferenceResult {
  if (result.kind === 'failed') return { status: itemStatusFields(result.error) };
  return { status: itemStatusFields(), ref_count: result.refCount };
}

/** Returns an item's failure as an ItemStatus; OK without one. */
function itemStatusFields(error?: StowkenError): R.ItemStatus {
  if (error === undefined) return { code: status.OK };
  return {
    code: codeOf[error.reason],
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
  };
}
