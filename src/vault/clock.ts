import { limits } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';

/** A clock that is behind the times that a vault has kept. */
export interface ClockBehind {
  readonly conversationId: string;
  readonly behindMs: number;
  readonly detail: string;
}

/**
 * Compares the clock with the newest conversation. Times of creation never go back, or lists by time would miss
 * conversations: after a clock that ran ahead, new conversations have the time of the last one until the clock has come
 * that far. Undefined if the clock is not behind by more than a bound.
 */
export async function clockBehind(backend: StorageBackend, nowMs: number): Promise<ClockBehind | undefined> {
  const page = await backend.listConversations({ filter: {}, order: 'newestFirst', limit: 1, scanLimit: 1 });
  const [newest] = page.conversations;
  const behindMs = newest === undefined ? 0 : newest.createTimeMs - nowMs;
  if (newest === undefined || behindMs <= limits.clockBehindMsMax) return undefined;
  const until = new Date(newest.createTimeMs).toISOString();
  return {
    conversationId: newest.id,
    behindMs,
    detail:
      `was created at ${until} by its time, which is to come: a clock ran ahead, or the server's is behind; until then ` +
      'new conversations get that time too, in the right order',
  };
}
