import { type Conversation, isDated } from '../../../model/index.js';
import type { Change, ChangeResult, ManifestOutcome } from '../../contract/change.js';
import { wholeBlocks } from '../../contract/queries.js';
import * as rules from '../../shared/manifest-rules.js';
import { conversationNotFound } from '../../shared/refusals.js';
import { nextInChain, removeFromChain } from '../conversations/chain.js';
import { type NumberedManifest, type StoredManifest, writeManifest } from '../conversations/conversations.js';
import { ListWriter } from '../conversations/list-writer.js';
import type { ListedSegment } from '../conversations/message-list.js';
import { messagesOf } from '../conversations/stored-list.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import {
  addMessages,
  contentOf,
  type IncomingSegments,
  countIn,
  existingConversation,
  findConversation,
  findSegments,
  manifestOutcome,
  releaseList,
  segmentsInOrder,
} from './manifest-change.js';
import type { WriteSession } from './write-session.js';

type Put = NonNullable<Change['put']>;

export interface PlannedPut {
  /** Outcome if the very same content is stored already. */
  readonly same?: ManifestOutcome;
  readonly existing: NumberedManifest | undefined;
  /** True if a conversation of this id has expired, and is to be deleted first. */
  readonly replacesExpired: boolean;
  /** Segments of the messages. */
  readonly named: readonly ListedSegment[];
}

export function checkPut(session: WriteSession, put: Put, incoming: IncomingSegments): PlannedPut {
  const stored = findConversation(session, put.spec.id);
  const existing = rules.unexpired(stored, put.expiry);
  const same = rules.checkPut(existing, put, (found) => sameContent(session, found, put));
  const replacesExpired = existing !== stored;
  if (same) return { same, existing, replacesExpired, named: [] };
  return { existing, replacesExpired, named: findSegments(session, put, incoming) };
}

export function putConversation(
  session: WriteSession,
  { spec, messages, timeMs, keeps, prefix }: Put,
  { existing, replacesExpired, named }: PlannedPut,
  incoming: IncomingSegments,
): ManifestOutcome {
  const { state } = session;
  if (replacesExpired) deleteConversation(session, spec);
  const list = new ListWriter(session);
  addMessages(list, messages, named);
  const size = { messageCount: messages.length, totalTokens: list.tokensAdded };
  const { lastStoreTimeMs } = state;
  const times = { timeMs, lastStoreTimeMs, keeps };
  const conversation = rules.nextRevision(spec, size, times, existing?.conversation);
  state.lastStoreTimeMs = Math.max(conversation.storeTimeMs, lastStoreTimeMs);
  if (isDated(conversation)) session.lists.beginCreateTimes(state.nextConversation);
  const { number, distance } = existing ?? nextInChain(state);
  const replaces = existing !== undefined;
  writeManifest(
    session.tables,
    { number, distance, conversation, list, replaces, grows: false },
    session.names,
  );
  session.board.written(state.nextSegment, { number, timeMs: conversation.createTimeMs });
  countIn(session, conversation, 1);
  if (existing) {
    countIn(session, existing.conversation, -1);
    session.usage.lose({ ...contentOf(existing.conversation), conversations: 0 });
    // Released after the new list has its references, so that segments of both are not garbage in between.
    releaseList(session, existing.list);
    session.radix.remove(number);
    session.lists.changed(number, existing.conversation, conversation);
  } else session.ids.insert(spec.id, number);
  if (prefix) session.radix.insert(number, spec.application, prefix);
  return manifestOutcome(conversation, messages, named, incoming);
}

/** Compares message by message, by ids instead of hashes, up to the first difference. */
function sameContent(
  session: WriteSession,
  { conversation, list }: StoredManifest,
  { spec, messages, found }: Pick<Put, 'spec' | 'messages' | 'found'>,
): boolean {
  if (!rules.hasSpec(conversation, spec)) return false;
  if (conversation.messageCount !== messages.length) return false;
  const find = segmentsInOrder(session, found);
  const storedMessages = messagesOf(list, (id) => session.messageBlocks.read(id), session.nameOf);
  for (const wanted of messages) {
    const stored = storedMessages.next().value;
    const isSame =
      stored !== undefined &&
      stored.role === wanted.role &&
      stored.name === wanted.name &&
      stored.toolCallId === wanted.toolCallId &&
      stored.segments.length === wanted.segments.length &&
      stored.fieldSegments === wanted.fieldSegments &&
      wanted.segments.every((named, index) => find(named)?.id === stored.segments[index]?.id);
    if (!isSame) return false;
  }
  return true;
}

type Append = NonNullable<Change['append']>;

/** Returns the segments of the appended messages. */
export function checkAppend(
  session: WriteSession,
  append: Append,
  incoming: IncomingSegments,
): ListedSegment[] {
  rules.checkAppend(existingConversation(session, append), append);
  return findSegments(session, append, incoming);
}

/** Decodes only the tail. */
export function appendMessages(
  session: WriteSession,
  { id, messages, timeMs, prefix }: Append,
  named: readonly ListedSegment[],
  incoming: IncomingSegments,
): ManifestOutcome {
  const found = existingConversation(session, { id });
  const { number, distance, conversation: before, list: stored } = found;
  const list = new ListWriter(session);
  list.resume(stored, true);
  addMessages(list, messages, named);
  const conversation: Conversation = {
    ...before,
    revision: before.revision + 1,
    messageCount: before.messageCount + messages.length,
    totalTokens: before.totalTokens + list.tokensAdded,
    updateTimeMs: Math.max(timeMs, before.updateTimeMs),
  };
  writeManifest(
    session.tables,
    { number, distance, conversation, list, replaces: true, grows: true },
    session.names,
  );
  session.board.written(session.state.nextSegment, { number, timeMs: conversation.createTimeMs });
  countIn(session, conversation, 1);
  countIn(session, before, -1);
  session.lists.changed(number, before, conversation);
  if (prefix) {
    const blocks = wholeBlocks(before.totalTokens);
    session.radix.extend(number, before.application, blocks, prefix.blocks);
  }
  return manifestOutcome(conversation, messages, named, incoming);
}

type Delete = NonNullable<Change['delete']>;

/**
 * @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH; CORRUPT_STORE if there is a condition and
 * its record cannot be read
 */
export function checkDelete(session: WriteSession, change: Delete): void {
  const { id, revision, expiry, filter } = change;
  if (revision === undefined && !expiry && !filter) {
    if (session.ids.find(id) === undefined) throw conversationNotFound(id);
    return;
  }
  const named = { id, ...(revision !== undefined && { revision }) };
  rules.checkSelected(existingConversation(session, named), change);
}

/**
 * Deletes a conversation, even a damaged one. References and figures that can no longer be read from it stay
 * counted until a repair.
 */
export function deleteConversation(
  session: WriteSession,
  { id }: Pick<Delete, 'id'>,
): NonNullable<ChangeResult['delete']> {
  const number = session.ids.find(id);
  if (number === undefined) throw conversationNotFound(id);
  const found = undefinedIfCorrupt(() => findConversation(session, id));
  removeFromChain(session.tables.conversations, session.state, number, found?.distance);
  session.ids.remove(id);
  session.radix.remove(number);
  if (found) {
    countIn(session, found.conversation, -1);
    session.usage.lose(contentOf(found.conversation));
    session.lists.changed(number, found.conversation, undefined);
  }
  return found ? releaseList(session, found.list) : { releasedReferences: 0, garbageSegments: 0 };
}
