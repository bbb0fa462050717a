import type { MaintainedBackend } from '../storage/index.js';

/** What reads only. */
export type Reads = Omit<
  MaintainedBackend,
  'kind' | 'vaultId' | 'commit' | 'repair' | 'looseBytes' | 'condense' | 'health' | 'lease' | 'close'
>;

/** Every reading call, passed on to what `to` gives at that moment. */
export function forwardReads(to: () => Reads): Reads {
  return {
    findSegments: (hashes) => to().findSegments(hashes),
    readFrames: (keys) => to().readFrames(keys),
    readHashes: (keys) => to().readHashes(keys),
    countReferences: (keys) => to().countReferences(keys),
    getConversation: (id) => to().getConversation(id),
    openConversation: (id) => to().openConversation(id),
    findPrefix: (query) => to().findPrefix(query),
    listConversations: (query) => to().listConversations(query),
    listGarbage: (query) => to().listGarbage(query),
    stats: () => to().stats(),
    check: (options) => to().check(options),
    listRegistries: () => to().listRegistries(),
    readRegistry: (id) => to().readRegistry(id),
    scanSegments: (query) => to().scanSegments(query),
    backup: (signal) => to().backup(signal),
  };
}
