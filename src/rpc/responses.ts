import type { Conversation, VaultStats } from '../model/index.js';
import type {
  CollectPart,
  MessageWithSegments,
  Preparation,
  StoreResult,
  VerifyPart,
} from '../vault/index.js';

type Fields = Record<string, unknown>;

/** A time as google.protobuf.Timestamp. */
export function timestamp(timeMs: number): Fields {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: (timeMs - seconds * 1000) * 1_000_000 };
}

export function conversationFields(conversation: Conversation): Fields {
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
    update_time: timestamp(conversation.updateTimeMs),
    ...(expireTimeMs !== undefined && { expire_time: timestamp(expireTimeMs) }),
    parent_id: conversation.parentId,
    metadata: conversation.metadata,
  };
}

export function messageFields(message: MessageWithSegments): Fields {
  return {
    role: message.role,
    name: message.name,
    tool_call_id: message.toolCallId,
    token_count: message.tokenCount,
    segments: message.segments.map(({ hash, tokenCount }) => ({ hash, token_count: tokenCount })),
  };
}

/** What a store, an upload or a fork answers. */
export function storeFields(result: StoreResult): Fields {
  return { ...appendFields(result), unchanged: result.unchanged };
}

export function appendFields(result: StoreResult): Fields {
  return {
    conversation: conversationFields(result.conversation),
    total_segments: result.totalSegments,
    new_segments: result.newSegments,
    deduped_segments: result.totalSegments - result.newSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
  };
}

/** PreparationPhase's numbers. */
const preparationPhases = { checking: 1, sampling: 2, training: 3 } as const;

export function preparationFields({ phase, done, total }: Preparation): Fields {
  return { preparation: { phase: preparationPhases[phase], done, total } };
}

export function collectFields(part: CollectPart): Fields {
  if (part.kind === 'preparation') return preparationFields(part);
  const figures = { segments: part.segments, bytes: part.frameBytes };
  if (part.kind !== 'summary') return { [part.kind]: figures };
  return { summary: { ...figures, kept_segments: part.keptSegments } };
}

export function statsFields(stats: VaultStats): Fields {
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

/** VerifyPhase's numbers. */
const verifyPhases = { checking: 1, rebuilding: 2, checkingAgain: 3 } as const;

export function verifyFields(part: VerifyPart): Fields {
  switch (part.kind) {
    case 'progress':
      return {
        progress: { records_done: part.done, records: part.total, phase: verifyPhases[part.phase] },
      };
    case 'violation':
    case 'repaired':
      return { [part.kind]: { invariant: part.invariant, subject: part.subject, detail: part.detail } };
    case 'note':
      return { note: { subject: part.subject, detail: part.detail } };
    case 'summary':
      return {
        summary: { records: part.records, violations: part.violations, repaired: part.repaired },
      };
  }
}
