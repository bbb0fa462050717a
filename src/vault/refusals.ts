import { isStowkenError, type SegmentHash, StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';

/** Optional abilities, and the storages that have them. */
const storages = { backup: 'lmdb', repair: 'lmdb, memory', 'prefix index': 'lmdb, memory' } as const;

export function unsupported(operation: keyof typeof storages, { kind }: StorageBackend): StowkenError {
  return new StowkenError(
    'UNSUPPORTED_BY_STORAGE',
    `the ${kind} storage has no ${operation}; there is one in: ${storages[operation]}`,
    { operation, storage: kind, storages: storages[operation] },
  );
}

export function conversationNotFound(id: string): StowkenError {
  return new StowkenError('CONVERSATION_NOT_FOUND', `there is no conversation ${JSON.stringify(id)}`, {
    resource_type: 'conversation',
    resource_name: id,
  });
}

/**
 * Awaits a commit to a conversation. If the conversation does not exist, the error has the same words as
 * everywhere else.
 */
export async function namingConversation<Result>(id: string, commit: Promise<Result>): Promise<Result> {
  try {
    return await commit;
  } catch (error) {
    throw isStowkenError(error, 'CONVERSATION_NOT_FOUND') ? conversationNotFound(id) : error;
  }
}

export function segmentNotFound(hash: SegmentHash): StowkenError {
  return new StowkenError('SEGMENT_NOT_FOUND', `there is no segment ${hash}`, {
    resource_type: 'segment',
    resource_name: hash,
  });
}
