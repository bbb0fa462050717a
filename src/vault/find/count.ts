import { type Expiry, limits } from '../../model/index.js';
import type { ConversationFilter, StorageBackend } from '../../storage/index.js';
import { countExpired } from '../retention/index.js';

export interface ConversationCount {
  readonly conversations: number;
  /** False: there are at least so many. */
  readonly exact: boolean;
}

const looksMax = limits.pageScanMax;

/** Counts what a filter finds. All conversations are counted already; others are looked at, up to a limit. */
export async function countConversations(
  backend: StorageBackend,
  filter: ConversationFilter,
  expiry: Expiry,
  signal: AbortSignal,
): Promise<ConversationCount> {
  if (Object.keys(filter).length === 0) {
    const all = await countAll(backend, expiry, signal);
    if (all !== undefined) return { conversations: all, exact: true };
  }
  const query = {
    filter,
    order: 'latestStoreFirst',
    limit: looksMax,
    scanLimit: looksMax,
    expiry,
    signal,
  } as const;
  const { conversations, damaged, next } = await backend.listConversations(query);
  return { conversations: conversations.length, exact: next === undefined && damaged === undefined };
}

/** Counts all that have not expired; undefined if those that have are too many, or are being deleted. */
async function countAll(
  backend: StorageBackend,
  expiry: Expiry,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { conversations } = await backend.stats();
  const expired = await countExpired(backend, expiry, signal);
  const isSame = (await backend.stats()).conversations === conversations;
  return expired.exact && isSame ? conversations - expired.conversations : undefined;
}
