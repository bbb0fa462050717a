import { randomBytes } from 'node:crypto';
import type { LiveCodec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { StowkenError, type Conversation, type SegmentHash, type VaultStats } from '../../model/index.js';
import type { ManagedBackend, StorageHealth } from '../backend.js';
import type { Change, ChangeResult, SegmentKey, StoredSegment } from '../change.js';
import type { CheckOptions, Violation } from '../checks.js';
import { makeFolder } from '../folders.js';
import { lockFolder, type FolderLock } from '../folder-lock.js';
import { GroupCommit } from '../group-commit.js';
import { Leases } from '../leases.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from '../queries.js';
import { closed, segmentNotFound } from '../refusals.js';
import { checkVault } from './check/check.js';
import { Writer } from './commit/writer.js';
import { describeFault, nodeDisk, type Disk } from './disk/disk.js';
import { FilePlacer, type FileChanges } from './journal/file-placer.js';
import { JournaledFiles } from './journal/journaled-files.js';
import { recover } from './journal/recovery.js';
import { isOwnerFile, ownerFiles } from './layout/owner-files.js';
import { registryPath, SEGMENTS, MANIFESTS, TEMPORARY, VAULT_FILE } from './layout/paths.js';
import { decodeVault, encodeVault } from './layout/records.js';
import { FrameReader } from './read/frame-reader.js';
import { Holders } from './read/holders.js';
import { listConversations } from './read/listing.js';
import { Manifests } from './read/manifests.js';
import { scanPage } from './read/scan.js';
import { createSnapshot } from './read/snapshot.js';
import { openSeedVault } from './seed/seed-backend.js';
import { loadVault } from './vault-index/load.js';
import { storedSegment, type SegmentEntry, type VaultIndex } from './vault-index/vault-index.js';

export interface FilesystemOptions {
  /** Made when it is not there. */
  readonly folder: string;
  readonly codec: LiveCodec;
  /** Reads the raw tokens of a vault that the seed wrote. */
  readonly core: TokenCore;
  readonly clock: () => number;
  /** false: commits reach the disk when the operating system writes them; a power cut may damage the vault. */
  readonly fsync?: boolean;
  /** Whether to keep other processes from opening the folder; false where several share one lock. */
  readonly lock?: boolean;
  /** In place of the folder's own disk, for tests. */
  readonly disk?: Disk;
}

type Format = 'none' | 'ours' | 'seed';

/**
 * A vault as files that a person can look at, as docs/filesystem-format.md describes it. A vault that the seed
 * wrote is opened for reading only.
 * @throws StowkenError STORE_LOCKED, STORE_VERSION, CORRUPT_STORE
 */
export async function openFilesystemBackend(options: FilesystemOptions): Promise<ManagedBackend> {
  const { folder, codec, core } = options;
  await makeFolder(folder);
  const disk = options.disk ?? nodeDisk(folder, { fsync: options.fsync !== false });
  if ((await formatOf(disk, folder)) === 'seed') return openSeedVault({ disk, codec, core });
  const lock = options.lock === false ? undefined : await lockFolder(folder, ownerFiles(folder));
  try {
    return await openOurs(disk, lock, options, await formatOf(disk, folder));
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function formatOf(disk: Disk, folder: string): Promise<Format> {
  const names = new Set((await disk.list('')).map(({ name }) => name));
  if (names.has(VAULT_FILE)) return 'ours';
  if (names.has(SEGMENTS) || names.has(MANIFESTS)) return 'seed';
  const foreign = [...names].filter(
    (name) => !isOwnerFile(name) && name !== TEMPORARY && name !== 'lost+found',
  );
  if (foreign.length === 0) return 'none';
  const message = `${folder} holds no vault of the filesystem backend, but ${foreign.slice(0, 3).join(', ')}`;
  throw new StowkenError('STORE_VERSION', message, { folder });
}

async function openOurs(
  disk: Disk,
  lock: FolderLock | undefined,
  { codec, clock }: FilesystemOptions,
  format: Format,
): Promise<ManagedBackend> {
  const placer = new FilePlacer(disk);
  if (format === 'none') await placer.place(newVault());
  const nextJournal = await recover(disk, placer);
  const record = decodeVault((await disk.read(VAULT_FILE)) ?? new Uint8Array(0));
  const { sidecars, ...loaded } = await loadVault(disk, record, codec, clock);
  const files = await JournaledFiles.open(disk, placer, nextJournal);
  if (sidecars.size > 0) await files.commit(sidecars);
  return new FilesystemBackend({ disk, lock, files, ...record, ...loaded, codec, clock });
}

function newVault(): FileChanges {
  const vaultId = randomBytes(16).toString('hex');
  const record = { vaultId, nextSegment: 1, nextConversation: 1, lastCreateTimeMs: 0 };
  return new Map([[VAULT_FILE, encodeVault(record)]]);
}

interface Parts {
  readonly disk: Disk;
  readonly lock: FolderLock | undefined;
  readonly files: JournaledFiles;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
  readonly codec: LiveCodec;
  readonly clock: () => number;
}

class FilesystemBackend implements ManagedBackend {
  readonly kind = 'filesystem';
  readonly vaultId: string;
  readonly #leases = new Leases();
  readonly #manifests: Manifests;
  readonly #frames: FrameReader;
  readonly #writer: Writer;
  readonly #group: GroupCommit;
  #open = true;

  constructor(private readonly parts: Parts) {
    const { files, index, vaultId, damagedManifests, damagedHolders, codec, clock } = parts;
    this.vaultId = vaultId;
    const manifests = (this.#manifests = new Manifests(files, index, damagedManifests));
    const holders = new Holders(files, damagedHolders);
    const frames = (this.#frames = new FrameReader(files, index, codec));
    this.#writer = new Writer(files, index, vaultId, clock, {
      codec,
      readFile: (path) => files.read(path),
      readManifest: (draft, id) => manifests.read(draft, id),
      readHolders: (draft, hash) => holders.read(draft, hash),
      readFrame: (draft, hash) => frames.readDrafted(draft, hash),
      assertAllReferencesRead: () => {
        manifests.assertAllRead();
        holders.assertAllRead();
      },
      oldestLease: () => this.#leases.oldest(),
    });
    this.#group = new GroupCommit((changes) => this.#writer.commitGroup(changes));
  }

  async commit(change: Change): Promise<ChangeResult> {
    this.#check();
    return this.#group.commit(change);
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(StoredSegment | undefined)[]> {
    this.#check();
    return hashes.map((hash) => {
      const entry = this.parts.index.segment(hash);
      return entry && storedSegment(entry);
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    this.#check();
    const frames = await this.#frames.read(keys.map((key) => this.#entry(key)));
    return frames.map((frame, at) => {
      if (!frame) throw segmentNotFound(keys[at] as SegmentKey);
      return frame;
    });
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    this.#check();
    return keys.map((key) => this.#entry(key).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    this.#check();
    return keys.map((key) => this.parts.index.segmentById(Number(key))?.references);
  }

  async getConversation(id: string): Promise<Conversation | undefined> {
    this.#check();
    this.#manifests.assertNotDamaged(id);
    return this.parts.index.conversation(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.#check();
    const release = this.lease();
    try {
      const manifest = await this.#manifests.readCurrent(id);
      if (manifest) return createSnapshot(manifest, (hash) => this.parts.index.segment(hash)?.id, release);
      release();
      return undefined;
    } catch (error) {
      release();
      throw error;
    }
  }

  lease(): () => void {
    return this.#leases.take(this.parts.index.sequence);
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    this.#check();
    this.#manifests.assertAllRead();
    return listConversations(this.parts.index, query);
  }

  async listGarbage({ limit, garbageBeforeMs, after }: GarbageQuery): Promise<GarbagePage> {
    this.#check();
    const garbage = this.parts.index
      .garbageAfter(Number(after ?? 0))
      .filter(({ unreferencedSinceMs }) => unreferencedSinceMs <= garbageBeforeMs);
    const segments = garbage.slice(0, limit).map(storedSegment);
    return { segments, next: segments.length < garbage.length ? segments.at(-1)?.key : undefined };
  }

  async stats(): Promise<VaultStats> {
    this.#check();
    const { registries, requests, figures } = this.parts.index;
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
    this.#check();
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

  async listRegistries(): Promise<StoredRegistry[]> {
    this.#check();
    return this.parts.index.registries.list();
  }

  async readRegistry(id: number): Promise<Uint8Array | undefined> {
    this.#check();
    if (!this.parts.index.registries.get(id)) return undefined;
    const bytes = await this.parts.files.read(registryPath(id));
    return bytes && new Uint8Array(bytes);
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.#check();
    const { entries, next } = scanPage(this.parts.index, query);
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
    if (!this.#open) return;
    this.#open = false;
    await this.#group.close();
    this.#writer.close();
    await this.parts.files.close();
    await this.parts.lock?.release();
  }

  #check(): void {
    if (!this.#open) throw closed();
  }

  #entry(key: SegmentKey): SegmentEntry {
    const entry = typeof key === 'number' ? this.parts.index.segmentById(key) : undefined;
    if (!entry) throw segmentNotFound(key);
    return entry;
  }
}
