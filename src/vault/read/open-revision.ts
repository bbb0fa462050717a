import { StowkenError } from '../../model/index.js';
import type { ConversationSnapshot, StorageBackend } from '../../storage/index.js';
import { conversationNotFound } from '../refusals.js';

/** Opens a conversation, at this revision if one is given. The caller must release() it. */
export async function openRevision(
  backend: StorageBackend,
  id: string,
  ifRevision: number | undefined,
): Promise<ConversationSnapshot> {
  const snapshot = await backend.openConversation(id);
  if (snapshot === undefined) throw conversationNotFound(id);
  try {
    checkRevision(id, snapshot.conversation.revision, ifRevision);
  } catch (error) {
    snapshot.release();
    throw error;
  }
  return snapshot;
}

/** @throws StowkenError REVISION_MISMATCH */
export function checkRevision(id: string, revision: number, ifRevision: number | undefined): void {
  if (ifRevision === undefined || ifRevision === revision) return;
  throw new StowkenError(
    'REVISION_MISMATCH',
    `conversation ${JSON.stringify(id)} is at revision ${revision}, not at revision ${ifRevision}`,
    { id, revision: String(revision) },
  );
}
