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
    // A retry must not delete what is stored meanwhile: that there was nothing is remembered as any answer is. Where the
    // same request has come twice at once, the other one may have been answered before: then that is the answer.
    const answered = request.request && (await backend.commit(request));
    return answered?.delete ?? nothing;
  }
}
