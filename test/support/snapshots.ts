import type { ConversationSnapshot, StoredMessage } from '../../src/storage/index.js';

const readMessages = 100;

/** Reads a snapshot's messages from number `from` to the end. */
export async function messagesOf(snapshot: ConversationSnapshot, from = 0): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  for (;;) {
    const read = await snapshot.read(from + messages.length, readMessages);
    messages.push(...read);
    if (read.length < readMessages) return messages;
  }
}
