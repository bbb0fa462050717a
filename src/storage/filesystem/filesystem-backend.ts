import type { LiveCodec } from '../../codec/index.js';
import { type Conversation, type SegmentHash, StowkenError, type VaultStats } from '../../model/index.js';
import type { ExclusiveLease, ManagedBackend, StorageHealth } from '../contract/backend.js';
import type { Change, ChangeResult, OutsideReference, SegmentKey } from '../contract/change.js';
import type { CheckedPart, CheckOptions, CheckPartQuery, Violation } from '../contract/checks.js';
import { StorageActivity } from '../shared/activity.js';
import type { FolderLock } from '../shared/folder-lock.js';
import { GroupCommit } from '../shared/group-commit.js';
import { ExclusiveLeases } from '../shared/exclusive-leases.js';
import { Leases } from '../shared/leases.js';
import type {
  ConversationSnapshot,
  ReferencePage,
  ReferencePosition,
  ReferenceQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from '../contract/queries.js';
import { scanPage } from '../shared/record-queries.js';
import { segmentNotFound } from '../shared/refusals.js';
import { checkPart } from './check/check-part.js';
import { checkVault } from './check/check.js';
import { Writer } from './commit/writer.js';
import { describeFault, type Disk } from './disk/disk.js';
import type { JournaledFiles } from './journal/journaled-files.js';
import { registryPath } from './layout/paths.js';
import { FrameReader } from './read/frame-reader.js';
import { Holders } from './read/holders.js';
import { IndexReader } from './read/index-reader.js';
import { createSnapshot, Manifests } from './read/manifests.js';
import type { VaultIndex } from './vault-index/vault-index.js';

export interface FilesystemParts {
  readonly disk: Disk;
  readonly lock: FolderLock | undefined;
  readonly files: JournaledFiles;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
  readonly mended?: string | undefined;
  readonly codec: LiveCodec;
  readonly clock: () => number;
  readonly activity?: StorageActivity | undefined;
}

/**
 * A vault as files that a person can read, described in docs/formats/filesystem.md: an index of everything in
 * memory, and a journal that makes a change of many files atomic.
 */
export class FilesystemBackend extends IndexReader implements ManagedBackend {
  readonly #leases: Leases;
  readonly #exclusive = new ExclusiveLeases();
  readonly #manifests: Manifests;
  readonly #holders: Holders;
  readonly #frames: FrameReader;
  readonly #writer: Writer;
  readonly #group: GroupCommit;

  get mended(): string | undefined {
    return this.parts.mended;
  }

  constructor(private readonly parts: FilesystemParts) {
    const { files, index, vaultId, damagedManifests, damagedHolders, codec, clock } = parts;
    super(vaultId, index);
    const { activity = new StorageActivity() } = parts;
    this.#leases = new Leases(activity.readers);
    const manifests = (this.#manifests = new Manifests(files, index, damagedManifests));
    const holders = (this.#holders = new Holders(files, damagedHolders));
    const frames = (this.#frames = new FrameReader(files, index, codec));
    this.#writer = new Writer(files, index, vaultId, clock, {
      codec,
      readFile: (path) => files.read(path),
      readManifest: (draft, id) => manifests.read(draft, id),
      readHolders: (draft, hash) => holders.read(draft, hash),
      readFrame: (draft, hash) => frames.readDrafted(draft, hash),
      assertAllReferencesRead: () => {
        this.assertReferencesRead();
      },
      oldestLease: () => this.#leases.oldest(),
    });
    this.#group = new GroupCommit((take) => this.#writer.commitGroup(take), activity);
  }

  async commit(change: Change): Promise<ChangeResult> {
    this.assertOpen();
    return this.#group.commit(change);
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    this.assertOpen();
    const frames = await this.#frames.read(keys.map((key) => this.entry(key)));
    return frames.map((frame, at) => {
      if (!frame) throw segmentNotFound(keys[at] as SegmentKey);
      return frame;
    });
  }

  async getConversation(id: string): Promise<Conversation | undefined> {
    this.assertOpen();
    this.#manifests.assertNotDamaged(id);
    return this.index.conversation(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.assertOpen();
    const release = this.lease();
    try {
      const manifest = await this.#manifests.readCurrent(id);
      if (manifest) return createSnapshot(manifest, (hash) => this.index.segment(hash)?.id, release);
      release();
      return undefined;
    } catch (error) {
      release();
      throw error;
    }
  }

  tryLease(name: string): Promise<ExclusiveLease | undefined> {
    return this.#exclusive.take(name);
  }

  lease(options?: { readonly standing: boolean }): () => void {
    return this.#leases.take(this.index.sequence, options);
  }

  async stats(): Promise<VaultStats> {
    this.assertOpen();
    this.assertReferencesRead();
    const { registries, requests, figures } = this.index;
    const { fileBytes, blockBytes, ...counted } = figures;
    const { bytes, ...files } = registries.size();
    const kept = requests.size();
    return {
      ...counted,
      registryBytes: bytes,
      inUseBytes: blockBytes + files.blockBytes + kept.blockBytes,
      fileBytes: fileBytes + files.fileBytes + kept.fileBytes,
    };
  }

  async check(options: CheckOptions = {}): Promise<Violation[]> {
    this.assertOpen();
    return this.#group.between(async () => {
      try {
        await this.parts.files.drain();
      } catch (error) {
        const cause = describeFault(error);
        const message = `what is committed cannot be put in place: ${cause}`;
        throw new StowkenError('WRITES_STOPPED', message, { cause }, { cause: error });
      }
      return checkVault(this.parts, options);
    });
  }

  async checkPart(query: CheckPartQuery): Promise<CheckedPart> {
    this.assertOpen();
    const read = (path: string) => this.parts.files.read(path);
    return checkPart(this.parts, read, (look) => this.#group.between(look), query);
  }

  async listRegistries(): Promise<StoredRegistry[]> {
    this.assertOpen();
    return this.index.registries.list();
  }

  async readRegistry(id: number): Promise<Uint8Array | undefined> {
    this.assertOpen();
    if (!this.index.registries.get(id)) return undefined;
    const bytes = await this.parts.files.read(registryPath(id));
    return bytes && new Uint8Array(bytes);
  }

  async listReferences({ limit, after = '' as ReferencePosition }: ReferenceQuery): Promise<ReferencePage> {
    this.assertOpen();
    const held = [...this.index.holderBytes()]
      .map(([hash]) => hash)
      .filter((hash) => hash > (after as string));
    const references: OutsideReference[] = [];
    for (const hash of held.sort()) {
      for (const holder of await this.#holders.stored(hash)) references.push({ hash, holder });
      if (references.length < limit || hash === held.at(-1)) continue;
      return { references, next: hash as string as ReferencePosition };
    }
    return { references, next: undefined };
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.assertOpen();
    const { entries, next } = scanPage(this.index, query);
    const frames = await this.#frames.readWhole(entries);
    const segments = entries.flatMap(({ id, tokenCount }, at) => {
      const frame = frames[at];
      return frame ? [{ key: id as SegmentKey, tokenCount, frame }] : [];
    });
    return { segments, next };
  }

  health(): StorageHealth {
    return this.#writer.health();
  }

  async close(): Promise<void> {
    if (!this.markClosed()) return;
    await this.#group.close();
    this.#writer.close();
    await this.parts.files.close();
    await this.parts.lock?.release();
  }

  protected assertManifestsRead(): void {
    this.#manifests.assertAllRead();
  }

  protected assertReferencesRead(): void {
    this.#manifests.assertAllRead();
    this.#holders.assertAllRead();
  }
}
