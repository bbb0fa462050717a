import { isStowkenError } from '../model/index.js';
import { namingConversation } from './not-found.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';
import type { DeleteOptions, DeleteResult } from './types.js';

const nothing: DeleteResult = { releasedReferences: 0, garbageSegments: 0, missing: true };

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
    return result.delete ?? nothing;
  } catch (error) {
    if (!allowMissing || !isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
    // A retry must not delete what is stored meanwhile: that there was nothing is remembered as any answer is.
    if (request.request) await backend.commit(request);
    return nothing;
  }
}
