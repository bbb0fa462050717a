import type { LiveCodec } from '../../codec/index.js';
import type { Conversation, VaultStats } from '../../model/index.js';
import type { CheckOptions, Violation } from '../contract/checks.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  ListQuery,
  PrefixFinding,
  PrefixQuery,
  StoredRegistry,
} from '../contract/queries.js';
import { backupEnvironment } from './backup.js';
import { checkVault } from './check/check.js';
import { findManifest, type NumberedManifest, readHeader } from './conversations/conversations.js';
import { IdIndex } from './conversations/id-index.js';
import { listConversations } from './conversations/listing.js';
import { corruptConversation } from './conversations/manifest.js';
import { createSnapshot } from './conversations/snapshot.js';
import { readBlock } from './conversations/stored-list.js';
import { RadixIndex } from './radix/radix-index.js';
import { SegmentLookups } from './segment-lookups.js';
import { Registries } from './segments/registries.js';
import type { Environment } from './tables/environment.js';
import { existingIdentity, readState, storedFigure } from './tables/meta.js';

/** Reads an open vault, which this process writes or another one; see openLmdbReader. */
export class LmdbReader extends SegmentLookups {
  readonly kind = 'lmdb';
  readonly vaultId: string;

  constructor(
    environment: Environment,
    codec: LiveCodec,
    /** See StorageBackend. */
    readonly lease: () => () => void,
    sharers = 1,
  ) {
    super(environment, codec, sharers);
    this.vaultId = existingIdentity(environment.tables.meta);
  }

  /** Lets the next read see the current state, even if another process writes. */
  refresh(): void {
    this.environment.refresh();
  }

  async getConversation(id: string): Promise<Conversation | undefined> {
    this.assertOpen();
    return this.#findManifest(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.assertOpen();
    const manifest = this.#findManifest(id);
    return manifest && createSnapshot(manifest, this.#pageOf, this.nameOf, this.lease());
  }

  async findPrefix({ application, blocks, limit }: PrefixQuery): Promise<PrefixFinding> {
    this.assertOpen();
    const { tables } = this.environment;
    const found = new RadixIndex(tables, storedFigure(tables.meta, 'nextConversation')).find(
      application,
      blocks,
      limit,
    );
    const ids = found.conversations.map((number) => {
      const record = tables.conversations.get(number);
      if (!record) throw corruptConversation(number, 'the prefix index leads to it, and it is not there');
      return readHeader(record, this.nameOf).conversation.id;
    });
    return { blocks: found.blocks, ids };
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    this.assertOpen();
    return listConversations(this.environment.tables, query, this.nameOf);
  }

  async listRegistries(): Promise<StoredRegistry[]> {
    this.assertOpen();
    return new Registries(this.environment.tables).list();
  }

  async readRegistry(id: number): Promise<Uint8Array | undefined> {
    this.assertOpen();
    return new Registries(this.environment.tables).read(id);
  }

  async stats(): Promise<VaultStats> {
    this.assertOpen();
    const state = readState(this.environment.tables.meta);
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
      inUseBytes: this.environment.bytesInUse(),
      fileBytes: await this.environment.fileBytes(),
    };
  }

  async check(options: CheckOptions = {}): Promise<Violation[]> {
    this.assertOpen();
    // Codec of the pinned state: commits continue, and may drop registries that it needs.
    const { codec, ...held } = await this.between(() => {
      const pinned = this.environment.pin();
      this.learnRegistries();
      return { ...pinned, codec: this.shared.codec.snapshot() };
    });
    try {
      return await checkVault(this.environment.tables, held.pin, codec, options);
    } finally {
      held.release();
    }
  }

  async *backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    this.assertOpen();
    yield* backupEnvironment(this.environment, this.vaultId, signal);
  }

  /** Runs a task while this process commits nothing. */
  protected async between<T>(task: () => T): Promise<T> {
    return task();
  }

  protected readonly nameOf = (code: number): string => this.shared.names.stringOf(code);

  #findManifest(id: string): NumberedManifest | undefined {
    const { tables } = this.environment;
    return findManifest(tables, new IdIndex(tables.ids), id, this.nameOf);
  }

  readonly #pageOf = (id: number): Uint8Array => {
    this.assertOpen();
    return readBlock(this.environment.tables.messageBlocks, id);
  };
}
