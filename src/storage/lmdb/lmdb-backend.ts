import { frameRegistryId, type LiveCodec } from '../../codec/index.js';
import {
  isStowkenError,
  StowkenError,
  type Conversation,
  type SegmentHash,
  type VaultStats,
} from '../../model/index.js';
import type {
  Change,
  ChangeResult,
  CheckOptions,
  ConversationPage,
  ConversationSnapshot,
  FrameReplacement,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  SegmentKey,
  MaintainedBackend,
  RepairOptions,
  RepairReport,
  StorageHealth,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
  StoredSegment,
  Violation,
} from '../backend.js';
import { distinctHashes } from '../content.js';
import type { FolderLock } from '../folder-lock.js';
import { GroupCommit } from '../group-commit.js';
import { Leases } from '../leases.js';
import { closed, segmentNotFound } from '../refusals.js';
import { checkReplacements } from '../replacements.js';
import { backupEnvironment } from './backup.js';
import { checkVault } from './check.js';
import { findManifest } from './conversations.js';
import type { Environment } from './environment.js';
import { decodeGarbage } from './garbage.js';
import { IndexDirectory } from './index-directory.js';
import { listConversations } from './listing.js';
import { Names } from './names.js';
import { Registries } from './registries.js';
import { scanSegments } from './scan.js';
import { SegmentCache, type KnownSegment } from './segment-cache.js';
import { SegmentFinder } from './segment-finder.js';
import { SegmentReader } from './segment-reader.js';
import { createSnapshot } from './snapshot.js';
import { readPage } from './stored-list.js';
import { readIdentity, readState } from './state.js';
import { rebuild } from './repair.js';
import { Writer } from './writer.js';
import type { Shared } from './write-session.js';

/** Segments that are looked at before other work gets its turn. */
const SLICE = 256;

/** Messages of a change from which on what they name is looked up before its transaction. */
const RESOLVED_AHEAD_MIN = 1024;

/** Serves a vault whose environment is open; see openLmdbBackend. */
export class LmdbBackend implements MaintainedBackend {
  readonly kind = 'lmdb';
  readonly vaultId: string;
  readonly #shared: Shared;
  readonly #leases = new Leases();
  readonly #writer: Writer;
  readonly #group: GroupCommit;
  #open = true;

  constructor(
    private readonly environment: Environment,
    private readonly lock: FolderLock | undefined,
    codec: LiveCodec,
    private readonly clock: () => number,
  ) {
    const { tables } = environment;
    this.vaultId = readIdentity(tables.meta) ?? '';
    this.#shared = {
      tables,
      codec,
      cache: new SegmentCache(),
      directory: new IndexDirectory(tables.hashIndex),
      names: new Names(tables.names),
      resolved: new WeakMap(),
    };
    const registries = new Registries(tables);
    for (const { id } of registries.list()) codec.add(registries.read(id) ?? new Uint8Array(0));
    this.#writer = new Writer(environment, this.#shared, this.#leases, clock);
    this.#group = new GroupCommit((changes) => this.#writer.commitGroup(changes));
  }

  async commit(change: Change): Promise<ChangeResult> {
    this.#check();
    // Reads what the commit compares hashes with, so that the transaction need not.
    if (change.collect) await this.#warm(change.collect.keys);
    const hashes = [...(change.addReferences ?? []), ...(change.removeReferences ?? [])].map(
      ({ hash }) => hash,
    );
    if (hashes.length > 0) await this.findSegments(hashes);
    await this.#resolve(change);
    // A damaged registry is refused before anything is written: a vault that has one cannot be opened.
    if (change.putRegistry) this.#shared.codec.withRegistry(change.putRegistry.bytes);
    if (change.replaceFrames) await this.#checkReplacements(change.replaceFrames);
    return this.#group.commit(change);
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(StoredSegment | undefined)[]> {
    return this.#slices(hashes, (finder, hash) => {
      const known = finder.find(hash);
      const size = known && finder.reader.size(known.id);
      return known && size && { key: known.id as SegmentKey, ...size };
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    const frames = await this.#slices(keys, ({ reader }, key) => reader.frame(idOf(key)));
    // One that was replaced while the others were read, and whose registry has gone since, is read again.
    const { registries } = this.#shared.codec;
    const known = new Set<number | undefined>([undefined, ...registries.map(({ id }) => id)]);
    const stale = [...frames.keys()].filter((at) => !known.has(frameRegistryId(frames[at]!)));
    const { reader } = this.#finder();
    for (const at of stale) frames[at] = reader.frame(idOf(keys[at]!));
    return frames;
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    return this.#slices(keys, (finder, key) => finder.known(idOf(key)).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    return this.#slices(keys, (finder, key) => finder.references(idOf(key)));
  }

  async getConversation(id: string): Promise<Conversation | undefined> {
    this.#check();
    return findManifest(this.environment.tables, id, this.#nameOf)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.#check();
    const manifest = findManifest(this.environment.tables, id, this.#nameOf);
    return manifest && createSnapshot(manifest, this.#pageOf, this.#nameOf, this.lease());
  }

  lease(): () => void {
    return this.#leases.take(readState(this.environment.tables.meta).commitSequence);
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    this.#check();
    return listConversations(this.environment.tables.conversations, query, this.#nameOf);
  }

  async listGarbage({ limit, garbageBeforeMs, after }: GarbageQuery): Promise<GarbagePage> {
    this.#check();
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
    this.#check();
    return new Registries(this.environment.tables).list();
  }

  async readRegistry(id: number): Promise<Uint8Array | undefined> {
    this.#check();
    return new Registries(this.environment.tables).read(id);
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.#check();
    return scanSegments(this.environment.tables, query);
  }

  async stats(): Promise<VaultStats> {
    this.#check();
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
    this.#check();
    // The codec of the pinned state: commits go on, and may drop registries that it needs.
    const { codec, ...held } = await this.#group.between(() => ({
      ...this.environment.pin(),
      codec: this.#shared.codec.snapshot(),
    }));
    try {
      return await checkVault(this.environment.tables, held.pin, codec, options);
    } finally {
      held.release();
    }
  }

  async repair({ onPhase, ...options }: RepairOptions = {}): Promise<RepairReport> {
    await onPhase?.('checking');
    const before = await this.check(options);
    if (before.length === 0) return { repaired: [], remaining: [] };
    await onPhase?.('rebuilding');
    await this.#group.between(() => this.#rebuild(options.signal));
    await onPhase?.('checkingAgain');
    const remaining = await this.check(options);
    const still = new Set(remaining.map((violation) => JSON.stringify(violation)));
    return { repaired: before.filter((violation) => !still.has(JSON.stringify(violation))), remaining };
  }

  async *backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    this.#check();
    yield* backupEnvironment(this.environment, this.vaultId, signal);
  }

  health(): StorageHealth {
    return this.#writer.health();
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#group.close();
    this.#writer.close();
    await this.lock?.release();
    await this.environment.close();
  }

  async #rebuild(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the repair was cancelled');
    const { codec, directory } = this.#shared;
    await this.#writer.write(() => rebuild(this.environment.tables, codec, this.#nameOf, this.clock()));
    directory.clear();
  }

  readonly #nameOf = (code: number): string => this.#shared.names.nameOf(code);

  readonly #pageOf = (id: number): Uint8Array => {
    this.#check();
    return readPage(this.environment.tables.pages, id);
  };

  #check(): void {
    if (!this.#open) throw closed();
  }

  /** Looks items up in slices, each of which sees one state. */
  async #slices<T, R>(items: readonly T[], look: (finder: SegmentFinder, item: T) => R): Promise<R[]> {
    this.#check();
    const results: R[] = [];
    for (let at = 0; at < items.length; at += SLICE) {
      if (at > 0) await new Promise(setImmediate);
      this.#check();
      const finder = this.#finder();
      for (const item of items.slice(at, at + SLICE)) results.push(look(finder, item));
    }
    return results;
  }

  #finder(): SegmentFinder {
    const { tables, codec, cache, directory } = this.#shared;
    return new SegmentFinder(tables, directory, cache, codec);
  }

  async #checkReplacements(replacements: readonly FrameReplacement[]): Promise<void> {
    const keys = replacements.map(({ key }) => key);
    await this.#warm(keys);
    const { cache, codec } = this.#shared;
    const finder = this.#finder();
    const hashOf = (key: SegmentKey) =>
      finder.references(idOf(key)) === undefined ? undefined : cache.byId(idOf(key))?.hash;
    checkReplacements(replacements, hashOf, codec);
  }

  /** Looks up what a long change names, in slices, so that its transaction need not. */
  async #resolve(change: Change): Promise<void> {
    const messages = [...(change.put?.messages ?? []), ...(change.append?.messages ?? [])];
    if (messages.length < RESOLVED_AHEAD_MIN) return;
    const hashes = [...distinctHashes(messages)];
    const found = await this.#slices(hashes, (finder, hash) => finder.find(hash));
    const resolved = new Map<SegmentHash, KnownSegment>();
    for (const known of found) if (known) resolved.set(known.hash, known);
    this.#shared.resolved.set(change, resolved);
  }

  async #warm(keys: readonly SegmentKey[]): Promise<void> {
    await this.#slices(keys, (finder, key) => {
      try {
        finder.known(idOf(key));
      } catch (error) {
        // Gone or damaged: the commit leaves it out.
        if (!isStowkenError(error)) throw error;
      }
    });
  }
}

function idOf(key: SegmentKey): number {
  if (typeof key !== 'number') throw segmentNotFound(key);
  return key;
}
