import { isStowkenError } from '../model/index.js';
import { namingConversation } from './not-found.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';
import type { DeleteOptions, DeleteResult } from './types.js';

export async function deleteConversation(
  { backend, clock }: Pick<StoreParts, 'backend' | 'clock'>,
  id: string,
  { allowMissing, ifRevision, requestId }: DeleteOptions,
): Promise<DeleteResult> {
  const timeMs = clock();
  const request = requestPart(requestId, timeMs, 'delete', [id, allowMissing, ifRevision]);
  const change = { id, timeMs, ...(ifRevision !== undefined && { revision: ifRevision }) };
  try {
    const result = await namingConversation(id, backend.commit({ ...request, delete: change }));
    return result.delete!;
  } catch (error) {
    if (!allowMissing || !isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
    return { releasedReferences: 0, garbageSegments: 0, missing: true };
  }
}
