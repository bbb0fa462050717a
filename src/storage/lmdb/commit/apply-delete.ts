import type { Change, ChangeResult } from '../../change.js';
import { conversationNotFound } from '../../refusals.js';
import { countIn, existingConversation, findConversation, releaseList } from './manifest-change.js';
import { readable } from '../tables/readable.js';
import type { WriteSession } from './write-session.js';

type Delete = NonNullable<Change['delete']>;

/** @throws StowkenError CONVERSATION_NOT_FOUND, REVISION_MISMATCH; CORRUPT_STORE when it cannot say its revision */
export function checkDelete(session: WriteSession, change: Delete): void {
  if (change.revision !== undefined) existingConversation(session, change);
  else if (session.ids.find(change.id) === undefined) throw conversationNotFound(change.id);
}

/**
 * One that is damaged goes too. What nobody can read of it any more, its references and what it adds to the figures,
 * stays counted until a repair.
 */
export function deleteConversation(
  session: WriteSession,
  { id }: Delete,
): NonNullable<ChangeResult['delete']> {
  const number = session.ids.find(id);
  if (number === undefined) throw conversationNotFound(id);
  const found = readable(() => findConversation(session, id));
  session.tables.conversations.remove(number);
  session.ids.remove(id);
  session.prefixes.remove(number);
  if (found) countIn(session, found.conversation, -1);
  return found ? releaseList(session, found.list) : { releasedReferences: 0, garbageSegments: 0 };
}
