import { frameRegistryId, type LiveCodec } from '../../codec/index.js';
import type { Conversation, SegmentHash, VaultStats } from '../../model/index.js';
import type { Change, FoundSegment, SegmentKey, StoredSegment } from '../change.js';
import type { CheckOptions, Violation } from '../checks.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  PrefixFinding,
  PrefixQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from '../queries.js';
import { withLeanHeap } from '../lean-heap.js';
import { closed, segmentNotFound } from '../refusals.js';
import { Absences } from './segments/absences.js';
import { StoredChunkKeys, type ChunkKeys } from './segments/chunk-keys.js';
import { backupEnvironment } from './backup.js';
import { checkVault } from './check/check.js';
import { findManifest, readHeader, type NumberedManifest } from './conversations/conversations.js';
import type { Environment } from './tables/environment.js';
import { isLong, withFound } from './segments/found-ahead.js';
import { decodeGarbage } from './segments/garbage.js';
import { IdIndex } from './conversations/id-index.js';
import { IndexDirectory } from './segments/index-directory.js';
import { listConversations } from './conversations/listing.js';
import { corruptConversation } from './conversations/manifest.js';
import { Names } from './conversations/names.js';
import { PrefixIndex } from './prefix/prefix-index.js';
import { Registries } from './segments/registries.js';
import { scanSegments } from './segments/scan.js';
import { SegmentCache } from './segments/segment-cache.js';
import { SegmentFinder } from './segments/segment-finder.js';
import { SegmentReader } from './packs/segment-reader.js';
import { createSnapshot } from './conversations/snapshot.js';
import { readIdentity, readState } from './tables/state.js';
import { readPage } from './conversations/stored-list.js';
import type { Shared } from './commit/write-session.js';

/** Segments that are looked at before other work gets its turn. */
const SLICE = 256;

/** Reads a vault that is open, which this process writes or another one; see openLmdbReader. */
export class LmdbReader {
  readonly kind = 'lmdb';
  readonly vaultId: string;
  protected readonly shared: Shared;
  #open = true;

  constructor(
    protected readonly environment: Environment,
    codec: LiveCodec,
    /** See StorageBackend. */
    readonly lease: () => () => void,
    sharers = 1,
  ) {
    const { tables } = environment;
    this.vaultId = readIdentity(tables.meta) ?? '';
    this.shared = {
      tables,
      codec,
      cache: new SegmentCache(sharers),
      absences: new Absences(),
      directory: new IndexDirectory(tables),
      names: new Names(tables.names),
    };
    this.setRegistries(new Registries(tables).list().map(({ id }) => id));
  }

  /** Lets what is read next be what is stored now, also where another process writes. */
  refresh(): void {
    this.environment.refresh();
  }

  /** A change with what it names looked up, where that is much: its transaction need not do so. */
  async findAhead(change: Change): Promise<Change> {
    if (!isLong(change)) return change;
    const find = (hashes: readonly SegmentHash[]) => this.slices(hashes, (finder, hash) => finder.find(hash));
    return withLeanHeap(() => withFound(change, find));
  }

  /** Decodes with these stored registries alone, and encodes with the last one. */
  setRegistries(ids: readonly number[]): void {
    const { codec, tables } = this.shared;
    const known = codec.registries.map(({ id }) => id);
    const registries = new Registries(tables);
    for (const id of ids) if (!known.includes(id)) codec.add(registries.read(id) ?? new Uint8Array(0));
    codec.remove(known.filter((id) => !ids.includes(id)));
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(FoundSegment | undefined)[]> {
    return this.slices(hashes, (finder, hash) => {
      const known = finder.find(hash);
      return known && { key: known.id as SegmentKey, tokenCount: known.tokenCount };
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    // In the order of their ids: those that stand in one pack are read together.
    const order = [...keys.keys()].sort((a, b) => idOf(keys[a]!) - idOf(keys[b]!));
    const read = await this.slices(order, ({ reader }, at) => reader.frame(idOf(keys[at]!)));
    const frames = new Array<Uint8Array>(keys.length);
    for (const [index, at] of order.entries()) frames[at] = read[index]!;
    // One that was replaced while the others were read, and whose registry has gone since, is read again.
    const { registries } = this.shared.codec;
    const known = new Set<number | undefined>([undefined, ...registries.map(({ id }) => id)]);
    const stale = [...frames.keys()].filter((at) => !known.has(frameRegistryId(frames[at]!)));
    const { reader } = this.finder();
    for (const at of stale) frames[at] = reader.frame(idOf(keys[at]!));
    return frames;
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    return this.slices(keys, (finder, key) => finder.known(idOf(key)).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    return this.slices(keys, (finder, key) => finder.references(idOf(key)));
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
    const found = new PrefixIndex(tables).find(application, blocks, limit);
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

  async listGarbage({ limit, garbageBeforeMs, after }: GarbageQuery): Promise<GarbagePage> {
    this.assertOpen();
    const { tables } = this.environment;
    const reader = new SegmentReader(tables);
    const segments: StoredSegment[] = [];
    for (const { key, value } of tables.garbage.range({ start: Number(after ?? 0) + 1 })) {
      if (decodeGarbage(value).sinceMs > garbageBeforeMs) continue;
      if (segments.length === limit) return { segments, next: segments.at(-1)?.key };
      const size = reader.size(key);
      if (size) segments.push({ key: key as SegmentKey, ...size });
    }
    return { segments, next: undefined };
  }

  async listRegistries(): Promise<StoredRegistry[]> {
    this.assertOpen();
    return new Registries(this.environment.tables).list();
  }

  async readRegistry(id: number): Promise<Uint8Array | undefined> {
    this.assertOpen();
    return new Registries(this.environment.tables).read(id);
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.assertOpen();
    return scanSegments(this.environment.tables, query);
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
    // The codec of the pinned state: commits go on, and may drop registries that it needs.
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

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.finish();
    await this.environment.close();
  }

  /** Runs a task while this process commits nothing. */
  protected async between<T>(task: () => T): Promise<T> {
    return task();
  }

  /** What is left to do when no more calls come. */
  protected async finish(): Promise<void> {}

  protected readonly nameOf = (code: number): string => this.shared.names.nameOf(code);

  #findManifest(id: string): NumberedManifest | undefined {
    const { tables } = this.environment;
    return findManifest(tables, new IdIndex(tables.ids), id, this.nameOf);
  }

  readonly #pageOf = (id: number): Uint8Array => {
    this.assertOpen();
    return readPage(this.environment.tables.pages, id);
  };

  protected assertOpen(): void {
    if (!this.#open) throw closed();
  }

  /** Looks items up in slices, each of which sees one state. */
  protected async slices<T, R>(
    items: readonly T[],
    look: (finder: SegmentFinder, item: T) => R,
  ): Promise<R[]> {
    this.assertOpen();
    const results: R[] = [];
    for (let at = 0; at < items.length; at += SLICE) {
      if (at > 0) await new Promise(setImmediate);
      this.assertOpen();
      const finder = this.finder();
      for (const item of items.slice(at, at + SLICE)) results.push(look(finder, item));
    }
    return results;
  }

  /** Where another process writes, frames may be there before it is told of the registry that they need. */
  protected learnRegistries(): void {
    const { codec, tables } = this.shared;
    const registries = new Registries(tables);
    if (registries.lastId() <= (codec.registries.at(-1)?.id ?? 0)) return;
    this.setRegistries(registries.list().map(({ id }) => id));
  }

  protected chunkKeys(): ChunkKeys {
    return new StoredChunkKeys(this.environment.tables.hashIndex);
  }

  protected finder(): SegmentFinder {
    const { tables, codec, cache, absences } = this.shared;
    this.learnRegistries();
    return new SegmentFinder(tables, this.chunkKeys(), cache, absences, codec);
  }
}

export function idOf(key: SegmentKey): number {
  if (typeof key !== 'number') throw segmentNotFound(key);
  return key;
}
