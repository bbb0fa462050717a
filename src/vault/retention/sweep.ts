import { type Conversation, type Expiry, isStowkenError, limits, type Lifetimes } from '../../model/index.js';
import type { Change, ListPosition, StorageBackend } from '../../storage/index.js';
import { asFound } from '../as-found.js';
import { expiredConversations, without } from './expired.js';

/** Rules by which a sweep deletes. */
export interface SweepRules {
  readonly lifetimes: Lifetimes | undefined;
  /** Conversations with one of these metadata entries are not deleted for a limit. */
  readonly keep: Lifetimes['keep'];
  /** Limits above which the oldest go; none if it is 0. */
  readonly conversationsMax: number;
  readonly contentBytesMax: number;
}

/**
 * Deletes what has expired, and then the oldest conversations above a limit; yields after each batch how many
 * were deleted. Each deletion is a change of its own, which decides at that moment: a conversation that was
 * stored once more meanwhile, or got a longer lifetime, stays.
 */
export async function* sweep(
  backend: StorageBackend,
  rules: () => SweepRules,
  clock: () => number,
  signal: AbortSignal,
): AsyncGenerator<number, void, void> {
  const expiry = (): Expiry => ({ nowMs: clock(), lifetimes: rules().lifetimes });
  const limit = limits.sweepBatchConversations;
  for await (const { conversations } of expiredConversations(backend, expiry(), { limit, signal }))
    yield await deleteAll(backend, conversations, ({ id }) => ({ id, timeMs: clock(), expiry: expiry() }));
  yield* sweepOldest(backend, rules, clock, signal);
}

async function* sweepOldest(
  backend: StorageBackend,
  rules: () => SweepRules,
  clock: () => number,
  signal: AbortSignal,
): AsyncGenerator<number, void, void> {
  let after: ListPosition | undefined;
  for (;;) {
    signal.throwIfAborted();
    const excess = await countAbove(backend, rules());
    if (excess === 0) return;
    const page = await backend.listConversations({
      filter: { conditions: without(rules().keep) },
      order: 'oldestFirst',
      limit: Math.min(excess, limits.sweepBatchConversations),
      scanLimit: limits.pageScanMax,
      signal,
      ...(after !== undefined && { after }),
    });
    yield await deleteAll(backend, page.conversations, (each) => ({
      ...asFound(each, { conditions: without(rules().keep) }),
      timeMs: clock(),
    }));
    after = page.next;
    // The others are kept.
    if (after === undefined) return;
  }
}

/** Conversations that are deleted before it is asked again whether their bytes are few enough. */
const BYTES_STEP = 16;

/** Returns how many of the oldest conversations are to go before it is asked again; 0: none. */
export async function countAbove(
  backend: StorageBackend,
  { conversationsMax, contentBytesMax }: Pick<SweepRules, 'conversationsMax' | 'contentBytesMax'>,
): Promise<number> {
  if (conversationsMax === 0 && contentBytesMax === 0) return 0;
  const { conversations, segmentBytes, garbageBytes } = await backend.stats();
  const above = conversationsMax === 0 ? 0 : Math.max(0, conversations - conversationsMax);
  const isTooLarge = contentBytesMax > 0 && segmentBytes - garbageBytes > contentBytesMax;
  return Math.max(above, isTooLarge && conversations > 0 ? BYTES_STEP : 0);
}

/** Deletes conversations in commits that they share. Returns how many; damaged ones are left to verify. */
async function deleteAll(
  backend: StorageBackend,
  conversations: readonly Conversation[],
  toDelete: (conversation: Conversation) => NonNullable<Change['delete']>,
): Promise<number> {
  const settled = await Promise.allSettled(
    conversations.map((each) => backend.commit({ delete: toDelete(each) })),
  );
  for (const one of settled) if (one.status === 'rejected' && !isLeft(one.reason)) throw one.reason as Error;
  return settled.filter(({ status }) => status === 'fulfilled').length;
}

/** True if a conversation is not there any more, is another one now, or cannot be read. */
function isLeft(error: unknown): boolean {
  return (['CONVERSATION_NOT_FOUND', 'REVISION_MISMATCH', 'CORRUPT_STORE'] as const).some((reason) =>
    isStowkenError(error, reason),
  );
}
