import type { Change, ManifestOutcome } from '../../change.js';
import { contentKey, distinctHashes } from '../../content.js';
import { nextRevision, nothingNew } from '../../manifest-rules.js';
import { conversationExists, revisionMismatch } from '../../refusals.js';
import { writeManifest, type NumberedManifest, type StoredManifest } from '../conversations/conversations.js';
import { ListWriter } from '../conversations/list-writer.js';
import {
  addMessages,
  countIn,
  findConversation,
  findSegments,
  manifestOutcome,
  releaseList,
  segmentsInOrder,
  type BroughtSegments,
} from './manifest-change.js';
import type { ListedSegment } from '../conversations/message-list.js';
import { messagesOf } from '../conversations/stored-list.js';
import type { WriteSession } from './write-session.js';

type Put = NonNullable<Change['put']>;

export interface PlannedPut {
  /** The outcome, when the very same content is there already. */
  readonly same?: ManifestOutcome;
  readonly existing: NumberedManifest | undefined;
  /** What the messages name. */
  readonly named: readonly ListedSegment[];
}

export function checkPut(session: WriteSession, put: Put, brought: BroughtSegments): PlannedPut {
  const { spec, messages, expect } = put;
  const existing = findConversation(session, spec.id);
  const revision = existing?.conversation.revision ?? 0;
  if (expect.kind === 'revision' && expect.revision !== revision) {
    throw revisionMismatch(spec.id, expect.revision, revision);
  }
  if (expect.kind === 'absentOrSame' && existing) {
    if (!sameContent(session, existing, put)) throw conversationExists(spec.id, revision);
    const same = { ...nothingNew(existing.conversation, true), segments: distinctHashes(messages).size };
    return { same, existing, named: [] };
  }
  return { existing, named: findSegments(session, put, brought) };
}

export function putConversation(
  session: WriteSession,
  { spec, messages, timeMs, prefix }: Put,
  { existing, named }: PlannedPut,
  brought: BroughtSegments,
): ManifestOutcome {
  const { state } = session;
  const list = new ListWriter(session);
  addMessages(list, messages, named);
  const size = { messageCount: messages.length, totalTokens: list.tokensAdded };
  const { lastCreateTimeMs } = state;
  const conversation = nextRevision(spec, size, { timeMs, lastCreateTimeMs }, existing?.conversation);
  state.lastCreateTimeMs = Math.max(conversation.createTimeMs, lastCreateTimeMs);
  const number = existing?.number ?? state.nextConversation++;
  const replaces = existing !== undefined;
  writeManifest(session.tables, { number, conversation, list, replaces, grows: false }, session.names);
  countIn(session, conversation, 1);
  if (existing) {
    countIn(session, existing.conversation, -1);
    // After the new list has its references, so that what both name is not garbage in between.
    releaseList(session, existing.list);
    session.prefixes.remove(number);
  } else session.ids.insert(spec.id, number);
  if (prefix) session.prefixes.insert(number, spec.application, prefix);
  return manifestOutcome(conversation, named, brought);
}

/** Compares message by message, with ids in place of hashes, up to the first difference. */
function sameContent(
  session: WriteSession,
  { conversation, list }: StoredManifest,
  { spec, messages, found }: Pick<Put, 'spec' | 'messages' | 'found'>,
): boolean {
  if (contentKey(conversation, []) !== contentKey(spec, [])) return false;
  if (conversation.messageCount !== messages.length) return false;
  const find = segmentsInOrder(session, found);
  const storedMessages = messagesOf(list, (id) => session.pages.read(id), session.nameOf);
  for (const wanted of messages) {
    const stored = storedMessages.next().value;
    const isSame =
      stored !== undefined &&
      stored.role === wanted.role &&
      stored.name === wanted.name &&
      stored.toolCallId === wanted.toolCallId &&
      stored.segments.length === wanted.segments.length &&
      wanted.segments.every((named, index) => find(named)?.id === stored.segments[index]?.id);
    if (!isSame) return false;
  }
  return true;
}
