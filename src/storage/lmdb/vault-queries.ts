import { isExpired } from '../../model/index.js';
import type { MaintainedBackend } from '../contract/backend.js';
import { type BlockId, idOf } from './tables/ids.js';
import { backupEnvironment } from './backup.js';
import { sharedSegments } from './board/board-query.js';
import { useTimes } from './board/use-times.js';
import { checkVault } from './check/check.js';
import { findManifest, readHeader } from './conversations/conversations.js';
import { IdIndex } from './conversations/id-index.js';
import { listConversations } from './conversations/listing.js';
import { corruptConversation } from './conversations/manifest.js';
import { createSnapshot } from './conversations/snapshot.js';
import { readBlock } from './conversations/stored-list.js';
import { readUsage } from './lists/usage.js';
import type { OpenVault } from './open-vault.js';
import { RadixIndex } from './radix/radix-index.js';
import { findWarmPrefixes } from './radix/warm-prefixes.js';
import { Registries } from './segments/registries.js';
import { readTokenizer } from './tables/kept-tokenizers.js';
import { readState, storedFigure } from './tables/meta.js';

type VaultQueries = Pick<
  MaintainedBackend,
  | 'getConversation'
  | 'openConversation'
  | 'findPrefix'
  | 'warmPrefixes'
  | 'listConversations'
  | 'usage'
  | 'listRegistries'
  | 'readRegistry'
  | 'readTokenizer'
  | 'stats'
  | 'check'
  | 'backup'
> &
  Required<Pick<MaintainedBackend, 'sharedSegments' | 'useTimes'>>;

/**
 * Queries about an open vault's conversations and about the vault as a whole. `between` runs a task while
 * this process commits nothing.
 */
export function vaultQueries(
  vault: OpenVault,
  lease: () => () => void,
  between: <T>(task: () => T) => Promise<T>,
): VaultQueries {
  const { environment, tables, nameOf } = vault;
  const manifestOf = (id: string) => findManifest(tables, new IdIndex(tables.ids), id, nameOf);
  const blockOf = (id: BlockId): Uint8Array => {
    vault.assertOpen();
    return readBlock(tables.messageBlocks, id);
  };
  return {
    async getConversation(id) {
      vault.assertOpen();
      return manifestOf(id)?.conversation;
    },

    async openConversation(id) {
      vault.assertOpen();
      const manifest = manifestOf(id);
      return manifest && createSnapshot(manifest, blockOf, nameOf, lease());
    },

    async findPrefix({ application, blocks, limit, expiry }) {
      vault.assertOpen();
      const index = new RadixIndex(tables, storedFigure(tables.meta, 'nextConversation'), vault.shared.names);
      const conversationOf = (number: number) => {
        const record = tables.conversations.get(number);
        if (!record) throw corruptConversation(number, 'the prefix index leads to it, and it is not there');
        return readHeader(record, nameOf).conversation;
      };
      const isHidden = expiry && ((number: number) => isExpired(conversationOf(number), expiry));
      const found = index.find(application, blocks, limit, isHidden);
      const ids = found.conversations.map((number) => conversationOf(number).id);
      return { blocks: found.blocks, ids };
    },

    async warmPrefixes(query) {
      vault.assertOpen();
      const held = await between(() => environment.pin());
      try {
        return await findWarmPrefixes(tables, held.pin, nameOf, query);
      } finally {
        held.release();
      }
    },

    async listConversations(query) {
      vault.assertOpen();
      return listConversations(tables, query, nameOf);
    },

    async usage(query) {
      vault.assertOpen();
      await readUsage(tables, query);
    },

    async sharedSegments(query) {
      vault.assertOpen();
      return sharedSegments(vault, query);
    },

    async *useTimes({ key, expiry, signal }) {
      vault.assertOpen();
      const held = await between(() => environment.pin());
      try {
        yield* useTimes(tables, held.pin, nameOf, { id: idOf(key), expiry, signal });
      } finally {
        held.release();
      }
    },

    async listRegistries() {
      vault.assertOpen();
      return new Registries(tables).list();
    },

    async readRegistry(id) {
      vault.assertOpen();
      return new Registries(tables).read(id);
    },

    async readTokenizer(name) {
      vault.assertOpen();
      return readTokenizer(tables, name);
    },

    async stats() {
      vault.assertOpen();
      const state = readState(tables.meta);
      return {
        conversations: state.conversations,
        messages: state.messages,
        segments: state.segments,
        tokens: state.tokens,
        uniqueTokens: state.uniqueTokens,
        segmentBytes: state.segmentBytes,
        registryBytes: state.registryBytes,
        garbageSegments: state.garbageSegments,
        garbageBytes: state.garbageBytes,
        inUseBytes: environment.bytesInUse(),
        fileBytes: await environment.fileBytes(),
      };
    },

    async check(options = {}) {
      vault.assertOpen();
      // Codec of the pinned state: commits continue, and may drop registries that it needs.
      const { codec, ...held } = await between(() => {
        const pinned = environment.pin();
        vault.learnRegistries();
        return { ...pinned, codec: vault.shared.codec.snapshot() };
      });
      try {
        return await checkVault(tables, held.pin, codec, options);
      } finally {
        held.release();
      }
    },

    async *backup(signal) {
      vault.assertOpen();
      yield* backupEnvironment(environment, vault.vaultId, signal);
    },
  };
}
