import { v7 as uuidv7 } from 'uuid';
import { toStoreResult } from './commit-segments.js';
import { namingConversation } from './not-found.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';
import { throwIfAborted } from './turns.js';
import type { ForkInput, StoreResult } from './types.js';

/** Makes a conversation of the first messages of another, which shares all of its segments. */
export async function forkConversation(
  { backend, clock }: Pick<StoreParts, 'backend' | 'clock'>,
  { id, newId, messageCount, ifRevision, requestId }: ForkInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  throwIfAborted(signal);
  const timeMs = clock();
  const fork = {
    id,
    newId: newId === '' ? uuidv7() : newId,
    messageCount,
    timeMs,
    ...(ifRevision !== undefined && { revision: ifRevision }),
  };
  const request = requestPart(requestId, timeMs, 'fork', [id, newId, messageCount, ifRevision]);
  const result = await namingConversation(id, backend.commit({ ...request, fork }));
  return toStoreResult(result.fork!);
}
