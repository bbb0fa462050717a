import { type Expiry, isExpired } from '../model/index.js';
import type { Change, StorageBackend } from '../storage/index.js';

/**
 * Returns the storage as calls see it: conversations that have expired are absent. They can only be deleted,
 * through the storage itself.
 */
export function withoutExpired(backend: StorageBackend, expiry: () => Expiry): StorageBackend {
  const views: Partial<StorageBackend> = {
    async getConversation(id) {
      const conversation = await backend.getConversation(id);
      return conversation && isExpired(conversation, expiry()) ? undefined : conversation;
    },

    async openConversation(id, ahead) {
      const snapshot = await backend.openConversation(id, ahead);
      if (!snapshot || !isExpired(snapshot.conversation, expiry())) return snapshot;
      snapshot.release();
      return undefined;
    },

    listConversations: (query) => backend.listConversations({ ...query, expiry: expiry() }),
    ...(backend.findPrefix && { findPrefix: (query) => backend.findPrefix!({ ...query, expiry: expiry() }) }),
    commit: (change) => backend.commit(withExpiry(change, expiry())),
  };
  // Others of its methods are called on the storage itself: it may be an object with private fields.
  return new Proxy(backend, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(views, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Returns a change to which conversations that have expired are absent. */
function withExpiry(change: Change, expiry: Expiry): Change {
  const { put, append, fork } = change;
  if (!put && !append && !fork) return change;
  return {
    ...change,
    ...(put && { put: { ...put, expiry } }),
    ...(append && { append: { ...append, expiry } }),
    ...(fork && { fork: { ...fork, expiry } }),
  };
}
