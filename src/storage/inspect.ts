import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isStowkenError, StowkenError } from '../model/index.js';
import type { Inspection } from './contract/inspection.js';
import { inspectFilesystem } from './filesystem/inspect-filesystem.js';
import { inspectLmdb } from './lmdb/inspect/inspect-lmdb.js';
import { dataFileIn } from './lmdb/tables/environment.js';
import { KIND } from './lmdb/tables/layout.js';
import { isOwned, lockedFolder } from './shared/folder-lock.js';
import { holdsVault, readMarker } from './shared/vault-folder.js';

/**
 * Opens the records of a vault in a folder, whatever its storage, to be looked at one by one. Nothing is
 * written, and damaged records are part of what there is to see.
 * @throws StowkenError STORE_LOCKED if a server has it open, INVALID_FIELD if there is no vault
 */
export async function inspectVault(folder: string): Promise<Inspection> {
  if (!existsSync(folder))
    throw new StowkenError('INVALID_FIELD', `there is no folder ${folder}`, { field: 'data' });
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code !== 'ENOTDIR') throw error;
    return [];
  });
  if (!holdsVault(names))
    throw new StowkenError('INVALID_FIELD', `there is no vault in ${folder}`, { field: 'data' });
  if (await isOwned(folder)) throw lockedFolder(folder);
  return (await kindOf(folder)) === KIND ? inspectLmdb(folder) : inspectFilesystem(folder);
}

/** Returns the storage of a vault; one that has lost its marker is known by its files. */
async function kindOf(folder: string): Promise<string> {
  try {
    const marker = await readMarker(folder);
    if (marker) return marker.kind;
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
  }
  return existsSync(dataFileIn(folder)) ? KIND : 'filesystem';
}
