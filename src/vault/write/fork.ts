import { v7 as uuidv7 } from 'uuid';
import { throwIfAborted } from '../event-loop.js';
import { isIndexed } from '../prefix/index.js';
import type { ForkInput, StoreResult } from './types.js';
import { toStoreResult } from './commit-segments.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';

/** Creates a conversation from the first messages of another, and shares all of its segments. */
export async function forkConversation(
  { backend, clock, prefixIndex }: Pick<StoreParts, 'backend' | 'clock' | 'prefixIndex'>,
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
    indexed: isIndexed({ backend, prefixIndex }),
    ...(ifRevision !== undefined && { revision: ifRevision }),
  };
  const request = requestPart(requestId, timeMs, 'fork', [id, newId, messageCount, ifRevision]);
  const result = await backend.commit({ ...request, fork });
  return toStoreResult(result.fork!);
}
