import { randomBytes } from 'node:crypto';
import type { LiveCodec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { StowkenError } from '../../model/index.js';
import type { ManagedBackend } from '../contract/backend.js';
import type { StorageActivity } from '../shared/activity.js';
import { foreignNames, makeFolder } from '../shared/vault-folder.js';
import { type FolderLock, lockFolder } from '../shared/folder-lock.js';
import { checkingItself, isStrict } from '../shared/strict.js';
import { type Disk, nodeDisk } from './disk/disk.js';
import { FilesystemBackend } from './filesystem-backend.js';
import { type FileChanges, FilePlacer } from './journal/file-placer.js';
import { JournaledFiles, recover } from './journal/journaled-files.js';
import { isOwnerFile, ownerFiles } from './layout/owner-files.js';
import { MANIFESTS, SEGMENTS, TEMPORARY, VAULT_FILE } from './layout/paths.js';
import { decodeVault, encodeVault } from './layout/records.js';
import { openRustV1Vault } from './rust-v1/backend.js';
import { loadVault } from './vault-index/load.js';

export interface FilesystemOptions {
  /** Created if it does not exist. */
  readonly folder: string;
  readonly codec: LiveCodec;
  /** Used to read the raw tokens of a vault that the Rust library wrote. */
  readonly core: TokenCore;
  readonly clock: () => number;
  /**
   * False: commits reach the disk when the operating system writes them; a power cut may damage the vault.
   */
  readonly fsync?: boolean;
  /** True to keep other processes from opening the folder; false if several share one lock. */
  readonly lock?: boolean;
  /** True to look for mistakes of the storage's own; with STOWKEN_STRICT=1 if it is not given. */
  readonly strict?: boolean;
  /** Replaces the folder's own disk, for tests. */
  readonly disk?: Disk;
  readonly activity?: StorageActivity | undefined;
}

type Format = 'none' | 'ours' | 'rust-v1';

/**
 * Opens a vault of files that a person can read, described in docs/formats/filesystem.md. A vault that the
 * Rust library wrote is opened for reading only.
 * @throws StowkenError STORE_LOCKED, STORE_VERSION, CORRUPT_STORE
 */
export async function openFilesystem(options: FilesystemOptions): Promise<ManagedBackend> {
  const { folder, codec, core } = options;
  await makeFolder(folder);
  const disk = options.disk ?? nodeDisk(folder, { fsync: options.fsync !== false });
  if ((await formatOf(disk, folder)) === 'rust-v1') return openRustV1Vault({ disk, codec, core });
  const lock = options.lock === false ? undefined : await lockFolder(folder, ownerFiles(folder));
  try {
    const backend = await openOurs(disk, lock, options, await formatOf(disk, folder));
    // Only the check of everything compares the index with the files.
    return (options.strict ?? isStrict()) ? checkingItself(backend, { depth: 'frames' }) : backend;
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function formatOf(disk: Disk, folder: string): Promise<Format> {
  const names = new Set((await disk.list('')).map(({ name }) => name));
  if (names.has(VAULT_FILE)) return 'ours';
  if (names.has(SEGMENTS) || names.has(MANIFESTS)) return 'rust-v1';
  const foreign = foreignNames([...names]).filter((name) => !isOwnerFile(name) && name !== TEMPORARY);
  if (foreign.length === 0) return 'none';
  const message = `${folder} holds no vault of the filesystem backend, but ${foreign.slice(0, 3).join(', ')}`;
  throw new StowkenError('STORE_VERSION', message, { folder });
}

async function openOurs(
  disk: Disk,
  lock: FolderLock | undefined,
  { codec, clock, activity }: FilesystemOptions,
  format: Format,
): Promise<ManagedBackend> {
  const placer = new FilePlacer(disk);
  if (format === 'none') await placer.place(newVault());
  const nextJournal = await recover(disk, placer);
  const record = decodeVault((await disk.read(VAULT_FILE)) ?? new Uint8Array(0));
  const { sidecars, ...loaded } = await loadVault(disk, record, codec, clock);
  const files = await JournaledFiles.open(disk, placer, nextJournal);
  if (sidecars.size > 0) await files.commit(sidecars);
  const mended = aboutSidecars([...sidecars.keys()]);
  return new FilesystemBackend({ disk, lock, files, ...record, ...loaded, mended, codec, clock, activity });
}

function aboutSidecars([first, ...others]: readonly string[]): string | undefined {
  if (first === undefined) return undefined;
  const which = others.length > 0 ? `${first} and ${others.length} more records of segments` : first;
  return (
    `${which} could not be read and had to be written again, from the segments themselves; those that nothing names ` +
    'are garbage from that moment'
  );
}

function newVault(): FileChanges {
  const vaultId = randomBytes(16).toString('hex');
  const record = { vaultId, nextSegment: 1, nextConversation: 1, lastStoreTimeMs: 0 };
  return new Map([[VAULT_FILE, encodeVault(record)]]);
}
