import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { conversationNotFound, type Expiry, type Lifetimes, limits } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import type { TokenizerPool } from '../text/index.js';
import { appendMessages } from './write/append.js';
import { collectGarbage } from './maintain/collect.js';
import { Compactor } from './compaction/index.js';
import { deleteConversation, deleteConversations } from './write/delete.js';
import { readAttachment } from './read/attachments.js';
import { describeConversation } from './read/describe.js';
import { erase } from './erasure/index.js';
import { forkConversation } from './write/fork.js';
import { unsupported } from './refusals.js';
import { checkRevision } from './read/open-revision.js';
import { countConversations } from './find/count.js';
import { listSharedSegments } from './find/shared-segments.js';
import { listSegmentUses } from './find/segment-uses.js';
import { countUsesByDay } from './find/uses-by-day.js';
import { listWarmPrefixes } from './find/warm-prefixes.js';
import { getUsage } from './find/usage.js';
import { findPrefix } from './prefix/index.js';
import { searchConversations, type SearchThreads } from './search/index.js';
import { findDuplicates, findSimilar } from './similar/index.js';
import { SegmentTokenCache } from './read/segment-tokens.js';
import { renderConversation } from './read/render.js';
import { renderMessages } from './read/render-messages.js';
import { retrieveJoined } from './read/joined.js';
import { retrieveConversation, retrieveConversations } from './read/retrieve.js';
import {
  addReferences,
  deleteSegment,
  getSegments,
  hasSegments,
  listGarbage,
  putSegments,
  removeReferences,
} from './segments/index.js';
import { storeConversation } from './write/store.js';
import { Uploads } from './write/upload/index.js';
import type { Vault } from './vault.js';
import { RecentTexts } from './recent-texts.js';
import { withoutExpired } from './unexpired.js';
import { VaultTokenizers } from './vault-tokenizers.js';
import { verifyVault } from './maintain/verify.js';

export interface VaultParts {
  readonly name: string;
  /** The vault closes neither the backend nor the tokenizers nor the threads. */
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: TokenizerPool;
  readonly searchThreads: SearchThreads;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Size of the memory of texts that came again; default: limits.recentTextsBytesMax. */
  readonly recentTextsBytesMax?: number;
  /** Conversations are added to the prefix index, if the storage has one, unless this returns false. */
  readonly prefixIndex?: () => boolean;
  /** Lifetimes of conversations; they live for ever if it is absent or returns undefined. */
  readonly lifetimes?: () => Lifetimes | undefined;
}

export function createVault(given: VaultParts): Vault {
  const { name, backend: stored, clock } = given;
  const expiry = (): Expiry => ({ nowMs: clock(), lifetimes: given.lifetimes?.() });
  const backend = withoutExpired(stored, expiry);
  const recentTexts = new RecentTexts(given.recentTextsBytesMax ?? limits.recentTextsBytesMax);
  const tokenizers = new VaultTokenizers(given.tokenizers, stored, recentTexts);
  const parts = { ...given, backend, tokenizers: tokenizers.face(false), recent: new SegmentTokenCache() };
  const writing = { ...parts, tokenizers: tokenizers.face(true) };
  const compactor = new Compactor(given);
  const uploads = new Uploads(writing);
  return {
    name,
    vaultId: backend.vaultId,
    storageKind: backend.kind,

    store: (input, signal) => storeConversation(writing, input, signal),
    upload: (input, source, signal, keep) => uploads.run(input, source, signal, keep),
    append: (input, signal) => appendMessages(writing, input, signal),
    fork: (input, signal) => forkConversation(parts, input, signal),

    retrieve: (input, signal) =>
      input.render
        ? renderConversation(parts, input, input.render, signal)
        : retrieveConversation(parts, input, signal),
    attachment: (input, signal) => readAttachment(parts, input, signal),
    renderMessages: (input, signal) => renderMessages(writing, input, signal),
    retrieveMany: (input, signal) =>
      input.joined === true
        ? retrieveJoined(parts, input.ids, signal)
        : retrieveConversations(parts, input, signal),

    async get(id, ifRevision) {
      const conversation = await backend.getConversation(id);
      if (conversation === undefined) throw conversationNotFound(id);
      checkRevision(id, conversation.revision, ifRevision);
      return conversation;
    },

    getWithMessages: (id, options) => describeConversation(backend, id, options),

    delete: (id, options) => deleteConversation(given, id, options),
    deleteMany: (input, signal) => deleteConversations(given, input, expiry, signal),

    list: (query) => backend.listConversations(query),
    count: (filter, signal) => countConversations(stored, filter, expiry(), signal),

    usage: (input, signal) => getUsage(backend, input, signal),
    sharedSegments: (input, signal) => listSharedSegments(parts, input, signal),

    warmPrefixes: (input, signal) => listWarmPrefixes(parts, input, signal),
    segmentUses: (input, signal) => listSegmentUses(backend, input, signal),
    usesByDay: (input, signal) => countUsesByDay(backend, input, signal),

    similar: (input, signal) => findSimilar(parts, input, signal),
    duplicates: (input, signal) => findDuplicates(parts, input, signal),

    findPrefix: (input, signal) => findPrefix(parts, input, signal),
    search: (input, signal) => searchConversations(parts, input, signal),

    collectGarbage: (options, signal) => collectGarbage(backend, { ...options, nowMs: clock() }, signal),

    compact: (input, signal) => compactor.run(input, signal),

    erase: (input, signal) => erase(given, input, signal),

    listRegistries: () => backend.listRegistries(),

    stats: () => backend.stats(),

    putSegments: (input, signal) => putSegments(parts, input, signal),
    getSegments: (input, signal) => getSegments(parts, input, signal),
    hasSegments: (hashes) => hasSegments(backend, hashes),
    addReferences: (references) => addReferences(backend, references),
    removeReferences: (references) => removeReferences(backend, references),
    deleteSegment: (hash) => deleteSegment(backend, hash),
    listGarbage: (query) => listGarbage(backend, query),

    verify: (options, signal) => verifyVault(given, options, signal),

    async *backup(signal) {
      if (!backend.backup) throw unsupported('backup', backend);
      yield* backend.backup(signal);
    },
  };
}
