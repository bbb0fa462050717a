import { stat, statfs } from 'node:fs/promises';
import type { LiveCodec } from '../../codec/index.js';
import { isStowkenError, limits, StowkenError } from '../../model/index.js';
import type { StorageActivity } from '../shared/activity.js';
import type { MaintainedBackend } from '../contract/backend.js';
import { spaceRefusal } from '../shared/disk-refusal.js';
import { checkMarker, makeFolder, readMarker, writeMarker } from '../shared/vault-folder.js';
import { type FolderLock, lockFolder } from '../shared/folder-lock.js';
import { checkingItself, isStrict } from '../shared/strict.js';
import { removeStrayCopies } from './backup.js';
import { emptyBoard, writeBoard } from './board/board.js';
import type { BoardLimits } from './board/choice.js';
import { checkBeforeOpening, withSalvage } from './data-file/check-data-file.js';
import { dataFileIn, Environment } from './tables/environment.js';
import { FORMAT_VERSION, FORMATS, KIND } from './tables/layout.js';
import { fromLmdb } from './tables/lmdb-errors.js';
import { createLmdbBackend } from './lmdb-backend.js';
import { createLmdbReader, type LmdbReader } from './lmdb-reader.js';
import { OpenVault } from './open-vault.js';
import type { Table } from './tables/table.js';
import { formatOf, initialise, isNew, ownerRecord, raiseFormat, readState } from './tables/meta.js';

export interface LmdbOptions {
  /** Created if it does not exist. */
  readonly folder: string;
  readonly codec: LiveCodec;
  readonly clock: () => number;
  /**
   * "relaxed": commits reach the disk when the operating system writes them; a power cut may damage the
   * vault.
   */
  readonly durability?: 'fsync' | 'relaxed';
  /** True to keep other processes from opening the folder; false if several share one lock. */
  readonly lock?: boolean;
  readonly activity?: StorageActivity | undefined;
  /** True to look for mistakes of the storage's own; with STOWKEN_STRICT=1 if it is not given. */
  readonly strict?: boolean;
  /** Newest conversations that the list index need not have; for tests of it with few conversations. */
  readonly unindexedMax?: number;
  /**
   * Conversations that a compaction packs: the time since their last change, and how many are worth a pack;
   * for tests of packs with few conversations.
   */
  readonly packing?: { readonly coldAfterMs: number; readonly fewest: number };
  /** For tests: when the board of shared segments is cut down. */
  readonly boardLimits?: BoardLimits;
}

/**
 * Opens a vault in an LMDB environment, described in docs/formats/storage.md, or creates an empty one.
 * @throws StowkenError STORE_LOCKED, STORE_VERSION, CORRUPT_STORE
 */
export async function openLmdbBackend(options: LmdbOptions): Promise<MaintainedBackend> {
  const { folder, lock } = options;
  await makeFolder(folder);
  const file = dataFileIn(folder);
  const marker = await readMarker(folder);
  if (marker) checkMarker(marker, KIND, FORMATS, folder);
  const begun = (await sizeOf(file)) > 0;
  if (marker && !begun) {
    throw new StowkenError('CORRUPT_STORE', `the data file ${file} is empty or missing: it is damaged`);
  }
  if (!begun || (await sizeOf(`${file}-lock`)) === 0) await checkRoom(folder);
  if (begun) await checkBeforeOpening(folder, lock !== false);
  // Before the first byte that an earlier version would take for damage.
  if (marker && marker.format < FORMAT_VERSION)
    await writeMarker(folder, { ...marker, format: FORMAT_VERSION });
  const backend = await openWhole(options, marker?.vaultId).catch((error: unknown) => {
    throw withSalvage(folder, error);
  });
  if (!marker) await writeMarker(folder, { kind: KIND, format: FORMAT_VERSION, vaultId: backend.vaultId });
  return backend;
}

async function openWhole(
  {
    folder,
    codec,
    clock,
    durability,
    lock,
    activity,
    strict = isStrict(),
    unindexedMax,
    packing,
    boardLimits,
  }: LmdbOptions,
  vaultId: string | undefined,
): Promise<MaintainedBackend> {
  const environment = await openEnvironment(folder, durability !== 'relaxed');
  let folderLock: FolderLock | undefined;
  try {
    const { meta } = environment.tables;
    if (!isNew(environment.tables)) checkRecords(environment, codec, vaultId);
    else if (vaultId !== undefined) throw otherVault(folder, 'none', vaultId);
    if (lock !== false) {
      folderLock = await lockFolder(folder, ownerRecord(environment));
      environment.files.watch("the owner's socket", folderLock.socket);
      await removeStrayCopies(folder);
    }
    if (isNew(environment.tables)) await environment.write(() => begin(meta));
    else if (formatOf(meta) < FORMAT_VERSION) await environment.write(() => raiseFormat(meta));
    const backend = createLmdbBackend(
      environment,
      folderLock,
      codec,
      clock,
      { strict, unindexedMax, packing, boardLimits },
      activity,
    );
    return strict ? checkingItself(backend) : backend;
  } catch (error) {
    await folderLock?.release();
    await environment.close();
    throw error;
  }
}

/**
 * Reads all that a vault is opened with, before the owner's name is written: what is refused stays as it was.
 * @throws StowkenError CORRUPT_STORE
 */
function checkRecords(environment: Environment, codec: LiveCodec, expectedId: string | undefined): void {
  readState(environment.tables.meta);
  const { vaultId } = new OpenVault(environment, codec, { isOwner: false, sharers: 1 });
  if (expectedId !== undefined && expectedId !== vaultId)
    throw otherVault(environment.folder, vaultId, expectedId);
}

function otherVault(folder: string, found: string, expected: string): StowkenError {
  const what = `has vault ${found}, and VAULT beside it says ${expected}`;
  return new StowkenError('CORRUPT_STORE', `the data file ${dataFileIn(folder)} ${what}`);
}

/**
 * Opens for reading a vault that another process owns with openLmdbBackend; `lease` is that process's.
 * @throws StowkenError CORRUPT_STORE
 */
export async function openLmdbReader({
  folder,
  codec,
  lease,
  sharers,
}: {
  readonly folder: string;
  readonly codec: LiveCodec;
  readonly lease: () => () => void;
  /** Number of processes that share the memory for segment lookups. */
  readonly sharers: number;
}): Promise<LmdbReader> {
  return createLmdbReader(await openEnvironment(folder, true), codec, lease, sharers);
}

/**
 * Data that LMDB cannot read is damage; an operation that the system refuses, such as writing to a read-only
 * folder, is not.
 */
async function openEnvironment(folder: string, sync: boolean): Promise<Environment> {
  try {
    return await Environment.open(folder, { sync });
  } catch (error) {
    if (isStowkenError(error)) throw error;
    const { message } = error as Error;
    const what = `the data file in ${folder} cannot be opened: ${message}`;
    if (fromLmdb(error) === error) throw new Error(what, { cause: error });
    throw new StowkenError('CORRUPT_STORE', what, {}, { cause: error });
  }
}

/**
 * Refuses to make files that the disk has no room for. LMDB maps its lock file before the system has given it
 * space: on a full disk, writing to it would end this process.
 * @throws StowkenError COMMIT_FAILED
 */
async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const cause = spaceRefusal(undefined, bavail * bsize, limits.newVaultBytesMin);
  if (cause === undefined) return;
  const message = `the vault cannot be made: ${cause}, and it needs ${limits.newVaultBytesMin}`;
  throw new StowkenError('COMMIT_FAILED', message, { cause });
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Writes the first records of a new vault. */
function begin(meta: Table<number>): void {
  initialise(meta);
  writeBoard(meta, emptyBoard);
}
