import { type Expiry, expireTimeOf, isExpired, StowkenError } from '../model/index.js';
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
    sharedSegments: async (query) => backend.sharedSegments?.({ ...query, expiry: expiry() }),
    ...(backend.useTimes && { useTimes: (query) => backend.useTimes!({ ...query, expiry: expiry() }) }),
    ...(backend.findPrefix && { findPrefix: (query) => backend.findPrefix!({ ...query, expiry: expiry() }) }),
    async commit(change) {
      const now = expiry();
      checkLives(change, now);
      return backend.commit(withExpiry(change, now));
    },
  };
  // Others of its methods are called on the storage itself: it may be an object with private fields.
  const bound = new WeakMap<object, unknown>();
  return new Proxy(backend, {
    get(target, name): unknown {
      const view: unknown = Reflect.get(views, name);
      if (view !== undefined) return view;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (!bound.has(value)) bound.set(value, value.bind(target));
      return bound.get(value);
    },
  });
}

/**
 * Refuses a conversation that is so old, by the create time that the client gives, that its lifetime has
 * ended: it could never be read.
 */
function checkLives({ put }: Change, expiry: Expiry): void {
  const { spec } = put ?? {};
  if (spec?.createTimeMs === undefined || spec.expireTimeMs !== undefined) return;
  const { createTimeMs } = spec;
  const endMs = expireTimeOf({ ...spec, createTimeMs }, expiry.lifetimes);
  if (endMs > expiry.nowMs) return;
  const [value, end] = [createTimeMs, endMs].map((timeMs) => new Date(timeMs).toISOString());
  const field = 'conversation.create_time';
  const sentence = `${field} is ${value}: its lifetime in this vault ended ${end}, and an expire_time would keep it`;
  throw new StowkenError('INVALID_FIELD', sentence, { field, value: value! });
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
