import type { Conversation, MessageRecord, SegmentHash } from '../../../model/index.js';
import type { ManifestOutcome, NewSegment } from '../../change.js';
import { conversationNotFound, revisionMismatch, segmentMissing } from '../../refusals.js';
import { findManifest, type NumberedManifest } from '../conversations/conversations.js';
import { segmentsNamed, type ListedMessage } from '../conversations/message-list.js';
import { decodeDirectory } from '../conversations/page-directory.js';
import { readable } from '../tables/readable.js';
import type { KnownSegment } from '../segments/segment-cache.js';
import type { StoredList } from '../conversations/stored-list.js';
import type { WriteSession } from './write-session.js';

const NOTHING = new Uint8Array(0);

/** A segment that came with a change. */
export interface BroughtSegment extends KnownSegment {
  readonly frameBytes: number;
  readonly added: boolean;
}

export function findConversation(session: WriteSession, id: string): NumberedManifest | undefined {
  return findManifest(session.tables, session.ids, id, session.nameOf);
}

/** @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH */
export function requireConversation(
  session: WriteSession,
  { id, revision }: { readonly id: string; readonly revision?: number },
): NumberedManifest {
  const existing = findConversation(session, id);
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
  return existing;
}

/** Every segment that messages name; undefined for what comes with the change itself. */
export type FoundSegments = Map<SegmentHash, KnownSegment | undefined>;

/** @throws StowkenError SEGMENT_MISSING when messages name what is neither stored nor brought */
export function findSegments(
  session: WriteSession,
  messages: Iterable<MessageRecord>,
  newSegments: readonly NewSegment[],
): FoundSegments {
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const found: FoundSegments = new Map();
  const missing: SegmentHash[] = [];
  for (const { segments } of messages) {
    for (const { hash } of segments) {
      if (found.has(hash)) continue;
      const known = session.segments.find(hash);
      // Under its own copy of the hash where it has one: of a long list, the other can go.
      found.set(known?.hash ?? hash, known);
      if (!known && !brought.has(hash)) missing.push(hash);
    }
  }
  if (missing.length > 0) throw segmentMissing(missing);
  return found;
}

/** Messages that a change states, one by one, with segments by number; what was brought is found now. */
export function* resolveMessages(
  session: WriteSession,
  messages: Iterable<MessageRecord>,
  found: FoundSegments,
): Generator<ListedMessage, void, void> {
  const resolve = (hash: SegmentHash) => {
    let known = found.get(hash);
    if (!known) {
      known = session.segments.find(hash);
      if (!known) throw segmentMissing([hash]);
      found.set(hash, known);
    }
    return known;
  };
  for (const { segments, ...speaker } of messages)
    yield { ...speaker, segments: segments.map(({ hash }) => resolve(hash)) };
}

/** What putting or appending messages made. */
export function manifestOutcome(
  conversation: Conversation,
  segments: FoundSegments,
  brought: readonly BroughtSegment[],
): ManifestOutcome {
  const fresh = brought.filter(({ hash, added }) => added && segments.has(hash));
  return {
    conversation,
    unchanged: false,
    segments: segments.size,
    newSegments: fresh.length,
    newTokens: fresh.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    newFrameBytes: fresh.reduce((sum, { frameBytes }) => sum + frameBytes, 0),
  };
}

/** An outcome of a conversation to which nothing was brought. */
export function nothingNew(conversation: Conversation, unchanged: boolean): ManifestOutcome {
  return { conversation, unchanged, segments: 0, newSegments: 0, newTokens: 0, newFrameBytes: 0 };
}

/**
 * Lets go of a list: the tail's references, and those of pages that no other list has. Says how many there were,
 * and how many segments are garbage now. A part that is damaged keeps its references, until a repair.
 */
export function releaseList(
  session: WriteSession,
  { directory, tail }: StoredList,
): { readonly releasedReferences: number; readonly garbageSegments: number } {
  let releasedReferences = 0;
  let garbageSegments = 0;
  const release = (part: Uint8Array) => {
    for (const id of readable(() => segmentsNamed(part)) ?? []) {
      releasedReferences += 1;
      if (session.segments.release(id)) garbageSegments += 1;
    }
  };
  release(tail);
  for (const { id } of readable(() => [...decodeDirectory(directory)]) ?? [])
    if (session.pages.release(id)) release(readable(() => session.pages.read(id)) ?? NOTHING);
  return { releasedReferences, garbageSegments };
}

export function countIn({ state }: WriteSession, conversation: Conversation, sign: 1 | -1): void {
  state.conversations += sign;
  state.messages += sign * conversation.messageCount;
  state.tokens += sign * conversation.totalTokens;
}
