import {
  contentSegments,
  type Conversation,
  type ConversationSpec,
  fieldSegmentsOf,
  isExpired,
  type MessageRecord,
  type NamedSegment,
  type SegmentHash,
} from '../../model/index.js';
import type { SegmentKey } from '../contract/change.js';
import type { ConditionField, ConversationFilter, ValueCondition } from '../contract/filter.js';
import type { ConversationSnapshot, ListQuery } from '../contract/queries.js';

/**
 * Returns a conversation's content as one string: equal strings mean equal content. Token counts are left
 * out, because they follow from the hashes; so is the create time, which a store need not give.
 */
export function contentKey(spec: ConversationSpec, messages: Iterable<MessageRecord>): string {
  const { id, application, model, tokenizer, parentId, expireTimeMs } = spec;
  return JSON.stringify([
    [id, application, model, tokenizer, parentId, expireTimeMs ?? null],
    sortedEntries(spec.metadata),
    Array.from(messages, ({ role, name, toolCallId, segments, fieldSegments = 0 }) => [
      role,
      name,
      toolCallId,
      segments.map(({ hash }) => hash),
      ...(fieldSegments > 0 ? [fieldSegments] : []),
    ]),
  ]);
}

/** Sorts metadata by its keys, so that equal metadata is equal bytes. */
export function sortedEntries(metadata: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Returns the distinct hashes that messages name, in order of first appearance. */
export function distinctHashes(messages: Iterable<MessageRecord>): Set<SegmentHash> {
  const hashes = new Set<SegmentHash>();
  for (const { segments } of messages) for (const { hash } of segments) hashes.add(hash);
  return hashes;
}

/** Returns the distinct hashes that the contents of messages name. */
export function contentHashes(messages: Iterable<MessageRecord>): Set<SegmentHash> {
  const hashes = new Set<SegmentHash>();
  for (const message of messages) for (const { hash } of contentSegments(message)) hashes.add(hash);
  return hashes;
}

/**
 * Creates a snapshot of a revision whose message records are all in memory, and stay there until it is
 * released.
 */
export function createRecordSnapshot(
  { conversation, messages }: { conversation: Conversation; messages: readonly MessageRecord[] },
  keyOf: (hash: SegmentHash) => SegmentKey,
  release: () => void,
): ConversationSnapshot {
  return {
    conversation,
    async read(from, messagesMax) {
      return messages.slice(from, from + messagesMax).map((record) => {
        const { role, name, toolCallId } = record;
        const keyed = ({ hash, tokenCount }: NamedSegment) => ({ key: keyOf(hash), tokenCount });
        return {
          ...{ role, name, toolCallId },
          tokenCount: tokensOf(record),
          segments: contentSegments(record).map(keyed),
          ...(record.fieldSegments !== undefined && { fields: fieldSegmentsOf(record).map(keyed) }),
        };
      });
    },
    async locate(tokenOffset) {
      let tokensBefore = 0;
      for (const [message, record] of messages.entries()) {
        const tokens = tokensOf(record);
        if (tokenOffset < tokensBefore + tokens) return { message, tokensBefore };
        tokensBefore += tokens;
      }
      return { message: messages.length, tokensBefore };
    },
    release,
  };
}

/** Returns the tokens of a message's content. */
export function tokensOf(message: MessageRecord): number {
  return contentSegments(message).reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}

/** True if a list has a conversation. */
export function isListed(
  conversation: Conversation,
  { filter, expiry }: Pick<ListQuery, 'filter' | 'expiry'>,
): boolean {
  return !(expiry && isExpired(conversation, expiry)) && matchesFilter(conversation, filter);
}

/** True if a conversation passes a filter; an absent condition passes. */
function matchesFilter(conversation: Conversation, filter: ConversationFilter): boolean {
  const { createTimeMs, updateTimeMs, expireTimeMs, totalTokens, metadata } = conversation;
  return (
    equals(filter.application, conversation.application) &&
    equals(filter.model, conversation.model) &&
    equals(filter.tokenizer, conversation.tokenizer) &&
    (filter.idPrefix === undefined || conversation.id.startsWith(filter.idPrefix)) &&
    createTimeMs >= (filter.createTimeFromMs ?? -Infinity) &&
    createTimeMs < (filter.createTimeBeforeMs ?? Infinity) &&
    updateTimeMs >= (filter.updateTimeFromMs ?? -Infinity) &&
    updateTimeMs < (filter.updateTimeBeforeMs ?? Infinity) &&
    (filter.expires === undefined || filter.expires === (expireTimeMs !== undefined)) &&
    (filter.expireTimeFromMs === undefined || (expireTimeMs ?? -Infinity) >= filter.expireTimeFromMs) &&
    (filter.expireTimeBeforeMs === undefined || (expireTimeMs ?? Infinity) < filter.expireTimeBeforeMs) &&
    totalTokens >= (filter.tokensMin ?? 0) &&
    totalTokens <= (filter.tokensMax ?? Infinity) &&
    Object.entries(filter.metadata ?? {}).every(
      ([name, value]) => Object.hasOwn(metadata, name) && metadata[name] === value,
    ) &&
    (filter.conditions ?? []).every((condition) => meets(conversation, condition))
  );
}

function equals(wanted: string | undefined, found: string): boolean {
  return wanted === undefined || wanted === found;
}

function meets(conversation: Conversation, { field, key, values, negated }: ValueCondition): boolean {
  const value = valueOf(conversation, field, key);
  return (value !== undefined && values.includes(value)) !== negated;
}

/** Returns the value that a condition looks at; undefined if there is no such metadata entry. */
export function valueOf(conversation: Conversation, field: ConditionField, key: string): string | undefined {
  if (field !== 'metadata') return conversation[field];
  return Object.hasOwn(conversation.metadata, key) ? conversation.metadata[key] : undefined;
}

/** Returns the conditions of a filter that ask for one of some values, however they are written. */
export function equalities(filter: ConversationFilter): ValueCondition[] {
  const { application, model, tokenizer } = filter;
  const fields = Object.entries({ application, model, tokenizer }) as [ConditionField, string | undefined][];
  const one = (field: ConditionField, key: string, value: string): ValueCondition => ({
    field,
    key,
    values: [value],
    negated: false,
  });
  return [
    ...fields.flatMap(([field, value]) => (value === undefined ? [] : [one(field, '', value)])),
    ...Object.entries(filter.metadata ?? {}).map(([key, value]) => one('metadata', key, value)),
    ...(filter.conditions ?? []).filter(({ negated }) => !negated),
  ];
}
