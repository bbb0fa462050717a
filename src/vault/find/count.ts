import { limits } from '../../model/index.js';
import type { ConversationFilter, StorageBackend } from '../../storage/index.js';

export interface ConversationCount {
  readonly conversations: number;
  /** False: there are at least so many. */
  readonly exact: boolean;
}

/** Counts what a filter finds. All conversations are counted already; others are looked at, up to a limit. */
export async function countConversations(
  backend: StorageBackend,
  filter: ConversationFilter,
  signal: AbortSignal,
): Promise<ConversationCount> {
  if (Object.keys(filter).length === 0)
    return { conversations: (await backend.stats()).conversations, exact: true };
  const looksMax = limits.pageScanMax;
  const query = { filter, order: 'newestFirst', limit: looksMax, scanLimit: looksMax, signal } as const;
  const { conversations, damaged, next } = await backend.listConversations(query);
  return { conversations: conversations.length, exact: next === undefined && damaged === undefined };
}
