import type { Conversation } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import { conversationNotFound } from './not-found.js';
import { slotBatches } from './slots.js';
import type { MessageWithSegments } from './types.js';

/** A conversation with every message and the hashes of its segments. */
export async function describeConversation(
  backend: StorageBackend,
  id: string,
): Promise<{ conversation: Conversation; messages: MessageWithSegments[] }> {
  const snapshot = await backend.openConversation(id);
  if (snapshot === undefined) throw conversationNotFound(id);
  try {
    const messages: MessageWithSegments[] = [];
    let segments: { hash: string; tokenCount: number }[] = [];
    for (const slots of slotBatches(snapshot.messages())) {
      const hashes = await backend.readHashes(slots.flatMap(({ segment }) => (segment ? [segment.key] : [])));
      let nextHash = 0;
      for (const { message, segment, last } of slots) {
        if (segment) segments.push({ hash: hashes[nextHash++]!, tokenCount: segment.tokenCount });
        if (!last) continue;
        const { role, name, toolCallId, tokenCount } = message;
        messages.push({ role, name, toolCallId, tokenCount, segments });
        segments = [];
      }
    }
    return { conversation: snapshot.conversation, messages };
  } finally {
    snapshot.release();
  }
}
