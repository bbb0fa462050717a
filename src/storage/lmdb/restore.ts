import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { LiveCodec } from '../../codec/index.js';
import { StowkenError, type VaultStats } from '../../model/index.js';
import type { CheckOptions, Violation } from '../contract/checks.js';
import { checkMarker, foreignNames, makeFolder, syncFolder, writeMarker } from '../shared/vault-folder.js';
import { readBackup } from '../shared/backup-stream.js';
import { dataFileIn } from './tables/environment.js';
import { FORMAT_VERSION, FORMATS, KIND } from './tables/layout.js';
import { openLmdbBackend } from './open.js';

/**
 * Folder in which a vault is made and checked before it is moved up to its own folder, which may be a mount
 * point.
 */
const WORKSHOP = 'restoring';

export interface RestoreOptions extends Pick<CheckOptions, 'onProgress'> {
  /** Empty or missing; dotfiles, lost+found and the rest of a killed restore do not count. */
  readonly folder: string;
  readonly source: AsyncIterable<Uint8Array>;
  /** Used for this restore only: the vault's registries are added to it. */
  readonly codec: LiveCodec;
  /** True to restore a vault unchanged that was damaged when it was backed up. */
  readonly allowDamage?: boolean;
}

export interface RestoredVault {
  readonly vaultId: string;
  readonly stats: VaultStats;
  /** Its violations; empty unless damage is allowed. */
  readonly violations: readonly Violation[];
}

/**
 * Restores a vault from a backup, and checks every record of it before it is in its place.
 * @throws StowkenError CORRUPT_STORE, STORE_VERSION, and INVALID_FIELD if the folder is not empty; the folder
 * is then unchanged
 */
export async function restoreLmdb(options: RestoreOptions): Promise<RestoredVault> {
  const folder = resolve(options.folder);
  const made = await makeFolder(folder);
  const workshop = join(folder, WORKSHOP);
  if (foreignNames(await readdir(folder)).length > 0) {
    throw new StowkenError('INVALID_FIELD', `${folder} is not empty: a backup is restored to a new folder`, {
      field: 'folder',
    });
  }
  await rm(workshop, { recursive: true, force: true });
  try {
    await mkdir(workshop);
    const restored = await makeVault(workshop, options);
    // A data file without its VAULT is opened, and gets one; a VAULT without a data file would be refused.
    await rename(dataFileIn(workshop), dataFileIn(folder));
    await writeMarker(folder, { kind: KIND, format: FORMAT_VERSION, vaultId: restored.vaultId });
    await rm(workshop, { recursive: true });
    await syncFolder(folder);
    return restored;
  } catch (error) {
    await rm(workshop, { recursive: true, force: true });
    if (made !== undefined) await removeFolders(folder, made);
    throw error;
  }
}

async function makeVault(
  folder: string,
  { source, codec, onProgress, allowDamage = false }: RestoreOptions,
): Promise<RestoredVault> {
  const { vaultId } = await readBackup(source, dataFileIn(folder), ({ kind, format, vaultId }) =>
    checkMarker({ kind, format, vaultId }, KIND, FORMATS, 'the backup'),
  );
  const backend = await openLmdbBackend({ folder, codec, clock: Date.now });
  try {
    const violations = await backend.check(onProgress ? { onProgress } : {});
    const [first] = violations;
    if (first && !allowDamage) {
      throw new StowkenError(
        'CORRUPT_STORE',
        `the backup is of a vault that was not whole: ${first.subject}: ${first.detail}`,
        { violations: String(violations.length) },
      );
    }
    if (backend.vaultId !== vaultId) {
      throw new StowkenError('CORRUPT_STORE', `the backup says it is of vault ${vaultId}, and is of another`);
    }
    return { vaultId, stats: await backend.stats(), violations };
  } finally {
    await backend.close();
  }
}

/** Removes empty folders from the innermost to the outermost that was made. */
async function removeFolders(innermost: string, outermost: string): Promise<void> {
  for (let folder = innermost; ; folder = dirname(folder)) {
    await rmdir(folder);
    if (folder === outermost) return;
  }
}
