import { type Conversation, limits } from '../../model/index.js';
import type { ConversationSnapshot, StorageBackend, StoredMessage } from '../../storage/index.js';
import type { Turns } from '../event-loop.js';

/** Messages of one conversation, to be searched together with those of others. */
export interface Stretch {
  /** Index of the conversation in its page. */
  readonly index: number;
  /** Undefined if the conversation was deleted meanwhile; it has no messages then. */
  readonly snapshot: ConversationSnapshot | undefined;
  /** Index of the first message. */
  readonly from: number;
  readonly messages: readonly StoredMessage[];
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** True if messages should follow, and do not. */
  readonly endsEarly: boolean;
}

const messagesOfRead = 64;
/** Limits of the first window, and of every other one: a search may end with the first hits. */
const firstTokens = 4096;
const windowMessagesMax = 1024;

/** Conversations of a page, and the message with which each begins. */
interface Page {
  readonly conversations: readonly Conversation[];
  readonly beginOf: (conversation: Conversation) => number;
}

/**
 * Yields the messages of conversations, in order, as many together as are searched at once. A conversation is
 * kept as it is until the window after its last one is asked for.
 */
export async function* windowsOf(
  backend: Pick<StorageBackend, 'openConversation'>,
  page: Page,
  size: WindowSize,
  turns: Turns,
): AsyncGenerator<readonly Stretch[], void, void> {
  const open = new Set<ConversationSnapshot>();
  let window: Stretch[] = [];
  let [tokens, messages] = [0, 0];
  try {
    for await (const stretch of stretchesOf(backend, page, open)) {
      window.push(stretch);
      for (const { tokenCount } of stretch.messages) tokens += tokenCount;
      messages += stretch.messages.length;
      await turns.spend(0, stretch.messages);
      if (tokens < size.tokens && messages < windowMessagesMax) continue;
      yield window;
      size.grow();
      for (const { snapshot, isLast } of window) if (isLast) close(snapshot, open);
      window = [];
      [tokens, messages] = [0, 0];
    }
    if (window.length > 0) yield window;
  } finally {
    for (const snapshot of open) snapshot.release();
  }
}

/** Size of the next window of a search. */
export class WindowSize {
  tokens = firstTokens;

  grow(): void {
    this.tokens = Math.min(2 * this.tokens, limits.readBatchTokensMax);
  }
}

function close(snapshot: ConversationSnapshot | undefined, open: Set<ConversationSnapshot>): void {
  if (snapshot === undefined) return;
  open.delete(snapshot);
  snapshot.release();
}

async function* stretchesOf(
  backend: Pick<StorageBackend, 'openConversation'>,
  { conversations, beginOf }: Page,
  open: Set<ConversationSnapshot>,
): AsyncGenerator<Stretch, void, void> {
  for (const [index, conversation] of conversations.entries()) {
    const snapshot = await backend.openConversation(conversation.id);
    if (snapshot !== undefined) open.add(snapshot);
    const messageCount = snapshot?.conversation.messageCount ?? 0;
    let from = beginOf(conversation);
    let isFirst = true;
    do {
      const messages = from < messageCount ? await snapshot!.read(from, messagesOfRead) : [];
      const endsEarly = messages.length === 0 && from < messageCount;
      const isLast = endsEarly || from + messages.length >= messageCount;
      yield { index, snapshot, from, messages, isFirst, isLast, endsEarly };
      isFirst = false;
      from = isLast ? messageCount : from + messages.length;
    } while (from < messageCount);
  }
}
