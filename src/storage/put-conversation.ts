import type { Conversation } from '../model/index.js';
import type { Change } from './backend.js';

/**
 * The conversation that a put makes, from the one before it. Times never go backwards in creation order, of
 * which `lastCreateTimeMs` is the last.
 */
export function putConversation(
  { spec, messages, timeMs }: NonNullable<Change['put']>,
  before: Conversation | undefined,
  { totalTokens, lastCreateTimeMs }: { readonly totalTokens: number; readonly lastCreateTimeMs: number },
): Conversation {
  const createTimeMs = before?.createTimeMs ?? Math.max(timeMs, lastCreateTimeMs);
  return {
    ...spec,
    metadata: { ...spec.metadata },
    revision: (before?.revision ?? 0) + 1,
    totalTokens,
    messageCount: messages.length,
    createTimeMs,
    updateTimeMs: Math.max(timeMs, before?.updateTimeMs ?? createTimeMs),
  };
}
