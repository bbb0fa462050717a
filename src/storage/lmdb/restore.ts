import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveCodec } from '../../codec/index.js';
import { StowkenError } from '../../model/index.js';
import { readBackup } from '../backup-stream.js';
import { checkMarker, syncFolder } from '../marker.js';
import { dataFileIn } from './environment.js';
import { FORMAT_VERSION, KIND } from './layout.js';
import { openLmdbBackend } from './open.js';

/**
 * Makes a vault of a backup in a folder that is empty or not there, and checks every record of it.
 * @throws StowkenError CORRUPT_STORE, STORE_VERSION, and INVALID_FIELD when the folder is not empty;
 * the folder is then as it was
 */
export async function restoreLmdb(
  folder: string,
  source: AsyncIterable<Uint8Array>,
  codec: LiveCodec,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new StowkenError('INVALID_FIELD', `${folder} is not empty: a backup is restored to a new folder`, {
      field: 'folder',
    });
  }
  const file = dataFileIn(folder);
  try {
    await readBackup(source, `${file}.new`, ({ kind, format, vaultId }) =>
      checkMarker({ kind, format, vaultId }, KIND, FORMAT_VERSION, folder),
    );
    await rename(`${file}.new`, file);
    await syncFolder(folder);
    const backend = await openLmdbBackend({ folder, codec, clock: Date.now });
    const [violation] = await backend.check();
    await backend.close();
    if (violation) {
      throw new StowkenError(
        'CORRUPT_STORE',
        `the backup is of a damaged vault: ${violation.subject}: ${violation.detail}`,
      );
    }
  } catch (error) {
    await Promise.all((await readdir(folder)).map((name) => rm(join(folder, name), { force: true })));
    throw error;
  }
}
