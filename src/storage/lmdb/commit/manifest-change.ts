import {
  type Conversation,
  type Expiry,
  type MessageRecord,
  type NamedSegment,
  present,
  type SegmentHash,
} from '../../../model/index.js';
import type { Change, ResolvedIds, ManifestOutcome, NewSegment } from '../../contract/change.js';
import { requireConversation, unexpired } from '../../shared/manifest-rules.js';
import { segmentMissing } from '../../shared/refusals.js';
import { findManifest, type NumberedManifest } from '../conversations/conversations.js';
import type { ListWriter } from '../conversations/list-writer.js';
import { type ListedSegment, segmentsNamed } from '../conversations/message-list.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { KnownSegment } from '../segments/segment-caches.js';
import type { StoredList } from '../conversations/stored-list.js';
import type { Content } from '../lists/usage-ledger.js';
import { NOT_STORED, type SegmentId } from '../tables/ids.js';
import type { WriteSession } from './write-session.js';

const NOTHING = new Uint8Array(0);

/** A new segment of a change. */
export interface IncomingSegment extends KnownSegment {
  /** NOT_STORED until it is stored. */
  id: SegmentId;
  readonly frame: Uint8Array;
  /** True if this change stored it. */
  added: boolean;
}

export type IncomingSegments = ReadonlyMap<SegmentHash, IncomingSegment>;

/** Looks up the new segments of a change. */
export function resolveIncoming(session: WriteSession, newSegments: readonly NewSegment[]): IncomingSegments {
  const incoming = new Map<SegmentHash, IncomingSegment>();
  for (const { hash, tokenCount, frame } of newSegments) {
    if (incoming.has(hash)) continue;
    incoming.set(hash, {
      id: session.segments.find(hash)?.id ?? NOT_STORED,
      hash,
      tokenCount,
      frame,
      added: false,
    });
  }
  return incoming;
}

export function findConversation(session: WriteSession, id: string): NumberedManifest | undefined {
  return findManifest(session.tables, session.ids, id, session.nameOf);
}

/** @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH */
export function existingConversation(
  session: WriteSession,
  { id, revision, expiry }: { readonly id: string; readonly revision?: number; readonly expiry?: Expiry },
): NumberedManifest {
  return requireConversation(unexpired(findConversation(session, id), expiry), id, revision);
}

/** Messages of a change, with the results of earlier lookups. */
export type NamingPart = Pick<NonNullable<Change['put']>, 'messages' | 'found'>;

/**
 * Looks up the segments that messages name, in order. Segments that were looked up before the transaction are
 * not looked up again.
 */
export function segmentsInOrder(
  { segments }: WriteSession,
  found: ResolvedIds | undefined,
  incoming: IncomingSegments = new Map(),
): (named: NamedSegment) => ListedSegment | undefined {
  let at = 0;
  return ({ hash, tokenCount }) => {
    const id =
      found === undefined
        ? NOT_STORED
        : (present(found[at++], 'each segment was looked up', hash) as SegmentId);
    if (id !== NOT_STORED && segments.referencesOf(id) !== undefined) return { id, tokenCount };
    return incoming.get(hash) ?? segments.find(hash);
  };
}

/**
 * Returns the segments that messages name, in order. A segment of the change gets its id when it is stored.
 * @throws StowkenError SEGMENT_MISSING if messages name a segment that is neither stored nor part of the
 * change
 */
export function findSegments(
  session: WriteSession,
  { messages, found }: NamingPart,
  incoming: IncomingSegments,
): ListedSegment[] {
  const find = segmentsInOrder(session, found, incoming);
  const listed: ListedSegment[] = [];
  const missing = new Set<SegmentHash>();
  for (const { segments } of messages) {
    for (const named of segments) {
      const segment = find(named);
      if (segment) listed.push(segment);
      else missing.add(named.hash);
    }
  }
  if (missing.size > 0) throw segmentMissing([...missing]);
  return listed;
}

/** Adds messages to a list; `named` are their segments. */
export function addMessages(
  list: ListWriter,
  messages: Iterable<MessageRecord>,
  named: readonly ListedSegment[],
): void {
  let at = 0;
  for (const message of messages) list.add(message, named.slice(at, (at += message.segments.length)));
}

/** Returns the ids that only fields name, of the segments that messages name in order. */
function idsOfFields(messages: Iterable<MessageRecord>, named: readonly ListedSegment[]): Set<number> {
  const fields = new Set<number>();
  const contents = new Set<number>();
  let at = 0;
  for (const { segments, fieldSegments = 0 } of messages) {
    const end = at + segments.length;
    for (; at < end; at++) (at < end - fieldSegments ? contents : fields).add(named[at]!.id);
  }
  for (const id of fields) if (contents.has(id)) fields.delete(id);
  return fields;
}

/** Returns the outcome of putting or appending messages that name these segments. */
export function manifestOutcome(
  conversation: Conversation,
  messages: Iterable<MessageRecord>,
  named: readonly ListedSegment[],
  incoming: IncomingSegments,
): ManifestOutcome {
  const ids = Uint32Array.from(named, ({ id }) => id).sort();
  const segments = ids.reduce((count, id, at) => (id === ids[at - 1] ? count : count + 1), 0);
  const added = [...incoming.values()].filter((segment) => segment.added);
  const addedIds = new Set(added.map(({ id }) => id));
  const namedIds = new Set<number>(ids.filter((id) => addedIds.has(id as SegmentId)));
  const fields = addedIds.size === 0 ? addedIds : idsOfFields(messages, named);
  let newSegments = 0;
  let newTokens = 0;
  let newFrameBytes = 0;
  for (const { id, tokenCount, frame } of added) {
    if (!namedIds.has(id)) continue;
    newSegments += 1;
    if (!fields.has(id)) newTokens += tokenCount;
    newFrameBytes += frame.length;
  }
  return { conversation, unchanged: false, segments, newSegments, newTokens, newFrameBytes };
}

/**
 * Releases a list: the references of its tail, and those of blocks that no other list has. Returns their
 * number, and how many segments are garbage now. A damaged part keeps its references until a repair.
 */
export function releaseList(
  session: WriteSession,
  { directory, tail }: StoredList,
): { readonly releasedReferences: number; readonly garbageSegments: number } {
  let releasedReferences = 0;
  let garbageSegments = 0;
  const release = (part: Uint8Array) => {
    for (const id of undefinedIfCorrupt(() => segmentsNamed(part)) ?? []) {
      releasedReferences += 1;
      if (session.segments.release(id)) garbageSegments += 1;
    }
  };
  release(tail);
  for (const { id } of undefinedIfCorrupt(() => [...decodeDirectory(directory)]) ?? [])
    if (session.messageBlocks.release(id))
      release(undefinedIfCorrupt(() => session.messageBlocks.read(id)) ?? NOTHING);
  return { releasedReferences, garbageSegments };
}

/** Returns what a conversation adds to the sums of the vault. */
export function contentOf({ messageCount, totalTokens }: Conversation): Content {
  return { conversations: 1, messages: messageCount, tokens: totalTokens };
}

export function countIn({ state }: WriteSession, conversation: Conversation, sign: 1 | -1): void {
  state.conversations += sign;
  state.messages += sign * conversation.messageCount;
  state.tokens += sign * conversation.totalTokens;
}
