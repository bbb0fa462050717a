import {
  type Conversation,
  type ConversationSpec,
  type Expiry,
  isExpired,
  type MessageRecord,
  type SegmentHash,
} from '../../model/index.js';
import type {
  Change,
  ConversationState,
  KeptState,
  ManifestOutcome,
  NewSegment,
  RequestMark,
} from '../contract/change.js';
import { contentKey, contentHashes, distinctHashes, isListed, tokensOf } from './records.js';
import {
  conversationExists,
  conversationNotFound,
  prefixOutdated,
  rangePastEnd,
  revisionMismatch,
  segmentMissing,
} from './refusals.js';

/** A conversation with its messages, for backends that have all of them at hand. */
export interface RecordedConversation {
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
}

type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/**
 * Returns the outcome if the very same content is stored already, which `hasContent` compares.
 * @throws StowkenError REVISION_MISMATCH, CONVERSATION_EXISTS
 */
export function checkPut<Stored extends Pick<RecordedConversation, 'conversation'>>(
  existing: Stored | undefined,
  { spec, messages, expect }: Part<'put'>,
  hasContent: (existing: Stored) => boolean,
): ManifestOutcome | undefined {
  const revision = existing?.conversation.revision ?? 0;
  if (expect.kind === 'revision' && expect.revision !== revision) {
    throw revisionMismatch(spec.id, expect.revision, revision);
  }
  if (expect.kind !== 'absentOrSame' || !existing) return undefined;
  if (!hasContent(existing)) throw conversationExists(spec.id, revision);
  return { ...nothingNew(existing.conversation, true), segments: distinctHashes(messages).size };
}

/**
 * Returns the outcome if the very same content is stored already: so many messages of the parent, which
 * `hasContent` compares. @throws StowkenError RANGE_PAST_END, CONVERSATION_EXISTS
 */
export function checkFork<Stored extends Pick<RecordedConversation, 'conversation'>>(
  parent: Stored,
  existing: Stored | undefined,
  { id, newId, messageCount }: Part<'fork'>,
  hasContent: (existing: Stored, messageCount: number) => boolean,
): ManifestOutcome | undefined {
  const end = parent.conversation.messageCount;
  const count = messageCount ?? end;
  if (count > end) throw rangePastEnd(id, 'message_count', count, end);
  if (!existing) return undefined;
  if (!hasContent(existing, count)) throw conversationExists(newId, existing.conversation.revision);
  return nothingNew(existing.conversation, true);
}

/** The same for backends that have all records at hand. */
export function checkRecordedPut(
  existing: RecordedConversation | undefined,
  put: Part<'put'>,
): ManifestOutcome | undefined {
  return checkPut(existing, put, (stored) => hasContent(stored, put.spec, put.messages));
}

/** The same for backends that have all records at hand. */
export function checkRecordedFork(
  parent: RecordedConversation,
  existing: RecordedConversation | undefined,
  fork: Part<'fork'>,
): ManifestOutcome | undefined {
  return checkFork(parent, existing, fork, (stored) => {
    const { spec, messages } = forked(parent, fork);
    return hasContent(stored, spec, messages);
  });
}

/** Returns the conversation unless it has expired: to all changes but its deletion it is absent then. */
export function unexpired<T extends { readonly conversation: Conversation }>(
  existing: T | undefined,
  expiry: Expiry | undefined,
): T | undefined {
  return existing && expiry && isExpired(existing.conversation, expiry) ? undefined : existing;
}

/**
 * Checks that an append was made for the conversation as it is.
 * @throws StowkenError PREFIX_OUTDATED
 */
export function checkAppend(
  { conversation }: { readonly conversation: Conversation },
  { id, prefix, tokenizer = conversation.tokenizer }: Part<'append'>,
): void {
  const isSame = !prefix || isState(conversation, prefix.after);
  if (!isSame || tokenizer !== conversation.tokenizer) throw prefixOutdated(id);
}

function isState(conversation: Conversation, state: ConversationState): boolean {
  return (
    conversation.revision === state.revision &&
    conversation.storeTimeMs === state.storeTimeMs &&
    conversation.updateTimeMs === state.updateTimeMs &&
    conversation.totalTokens === state.totalTokens
  );
}

/**
 * Checks that a conversation has expired and passes the filter, if only such a one is to be deleted.
 * @throws StowkenError CONVERSATION_NOT_FOUND
 */
export function checkSelected(
  { conversation }: { readonly conversation: Conversation },
  { id, expiry, filter }: Part<'delete'>,
): void {
  if (expiry && !isExpired(conversation, expiry)) throw conversationNotFound(id);
  if (filter && !isListed(conversation, { filter })) throw conversationNotFound(id);
}

/** @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH */
export function requireConversation<T extends { readonly conversation: Conversation }>(
  existing: T | undefined,
  id: string,
  revision?: number,
): T {
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
  return existing;
}

/**
 * @throws StowkenError SEGMENT_MISSING if messages name a segment that is neither stored nor part of the
 * change
 */
export function requireSegments(
  messages: Iterable<MessageRecord>,
  incoming: readonly NewSegment[],
  isStored: (hash: SegmentHash) => boolean,
): void {
  const hashes = new Set(incoming.map(({ hash }) => hash));
  const missing = [...distinctHashes(messages)].filter((hash) => !hashes.has(hash) && !isStored(hash));
  if (missing.length > 0) throw segmentMissing(missing);
}

/** Returns the content of a fork. */
export function forked(
  { conversation, messages }: RecordedConversation,
  fork: Part<'fork'>,
): { readonly spec: ConversationSpec; readonly messages: readonly MessageRecord[] } {
  return { spec: forkedSpec(conversation, fork), messages: messages.slice(0, fork.messageCount) };
}

export function forkedSpec(parent: Conversation, { id, newId }: Part<'fork'>): ConversationSpec {
  return { ...specOf(parent), id: newId, parentId: id };
}

/** Returns the fields that a client gives, but for the create time. */
export function specOf(conversation: Conversation): ConversationSpec {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  return { id, application, model, tokenizer, parentId, expireTimeMs, metadata };
}

type Size = Pick<Conversation, 'messageCount' | 'totalTokens'>;

export function sizeOf(messages: readonly MessageRecord[]): Size {
  const totalTokens = messages.reduce((sum, message) => sum + tokensOf(message), 0);
  return { totalTokens, messageCount: messages.length };
}

interface StoreTimes {
  readonly timeMs: number;
  /** Store time of the newest conversation. */
  readonly lastStoreTimeMs: number;
  readonly keeps?: KeptState | undefined;
}

/**
 * Returns the revision after `before`, if there is one. Store times never decrease in the order of
 * conversations' numbers, whatever create times the clients give.
 */
export function nextRevision(
  spec: ConversationSpec,
  size: Size,
  { timeMs, lastStoreTimeMs, keeps }: StoreTimes,
  before?: Conversation,
): Conversation {
  const storeTimeMs = before?.storeTimeMs ?? Math.max(keeps?.storeTimeMs ?? timeMs, lastStoreTimeMs);
  return {
    ...spec,
    metadata: { ...spec.metadata },
    revision: keeps?.revision ?? (before?.revision ?? 0) + 1,
    ...size,
    createTimeMs: spec.createTimeMs ?? before?.createTimeMs ?? storeTimeMs,
    storeTimeMs,
    updateTimeMs: keeps
      ? Math.max(keeps.updateTimeMs, storeTimeMs)
      : Math.max(timeMs, before?.updateTimeMs ?? storeTimeMs),
  };
}

/**
 * Returns the outcome for a conversation to which these messages were added; `added` are the segments that
 * the change stored.
 */
export function storedOutcome(
  conversation: Conversation,
  messages: Iterable<MessageRecord>,
  added: readonly NewSegment[],
): ManifestOutcome {
  const named = distinctHashes(messages);
  const fresh = added.filter(({ hash }) => named.has(hash));
  const contents = contentHashes(messages);
  return {
    conversation,
    unchanged: false,
    segments: named.size,
    newSegments: fresh.length,
    newTokens: fresh.reduce((sum, { hash, tokenCount }) => sum + (contents.has(hash) ? tokenCount : 0), 0),
    newFrameBytes: fresh.reduce((sum, { frame }) => sum + frame.length, 0),
  };
}

/** Returns the outcome for a conversation that stored no messages or segments. */
export function nothingNew(conversation: Conversation, unchanged: boolean): ManifestOutcome {
  return { conversation, unchanged, segments: 0, newSegments: 0, newTokens: 0, newFrameBytes: 0 };
}

function hasContent(
  { conversation, messages }: RecordedConversation,
  spec: ConversationSpec,
  others: Iterable<MessageRecord>,
): boolean {
  return hasSpec(conversation, spec) && contentKey(conversation, messages) === contentKey(spec, others);
}

/** True if a conversation has the fields of a spec. A spec without create time leaves it open. */
export function hasSpec(conversation: Conversation, spec: ConversationSpec): boolean {
  const { createTimeMs } = spec;
  return (
    contentKey(conversation, []) === contentKey(spec, []) &&
    (createTimeMs === undefined || createTimeMs === conversation.createTimeMs)
  );
}

/**
 * True if a request made at `earlierMs` is still remembered when `now` is made. A clock that ran ahead leaves
 * requests whose time is in the future. Those further ahead than the retention time are forgotten like old
 * ones. Otherwise they, and all requests after them, would stay until the clock has caught up.
 */
export function isRemembered(earlierMs: number, now: Pick<RequestMark, 'timeMs' | 'notBeforeMs'>): boolean {
  const memoryMs = now.timeMs - now.notBeforeMs;
  return Math.abs(now.timeMs - earlierMs) <= memoryMs;
}
