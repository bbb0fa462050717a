import { conversationNotFound, revisionMismatch } from '../../model/index.js';
import type { ConversationSnapshot, ReadAhead, StorageBackend } from '../../storage/index.js';

/** Opens a conversation, at this revision if one is given. The caller must release() it. */
export async function openRevision(
  backend: StorageBackend,
  id: string,
  ifRevision: number | undefined,
  ahead?: ReadAhead,
): Promise<ConversationSnapshot> {
  const snapshot = await backend.openConversation(id, ahead);
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
  throw revisionMismatch(id, ifRevision, revision);
}
