import type { Conversation } from './records.js';

/** The moment at which it is asked whether conversations have expired. */
export interface Expiry {
  readonly nowMs: number;
}

/** True if a conversation has expired: from then on it can be deleted, and nothing else. */
export function isExpired({ expireTimeMs }: Conversation, { nowMs }: Expiry): boolean {
  return expireTimeMs !== undefined && expireTimeMs <= nowMs;
}
