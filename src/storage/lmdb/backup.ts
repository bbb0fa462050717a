import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isStowkenError, StowkenError } from '../../model/index.js';
import { writeBackup } from '../shared/backup-stream.js';
import type { Environment } from './tables/environment.js';
import { FORMAT_VERSION, KIND } from './tables/layout.js';

/** Prefix of the name of every copy; the pid of the process that makes it follows. */
const COPY_PREFIX = 'backup.mdb-';

/** Space left free for stores while a copy exists: a backup must not be what fills the disk. */
const SPARE_BYTES = 16 * 1024 * 1024;

/** Copies one state to a file beside the vault, which takes as much space again, and streams that file. */
export async function* backupEnvironment(
  environment: Environment,
  vaultId: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  checkWanted(signal);
  const path = join(environment.folder, `${COPY_PREFIX}${process.pid}-${randomUUID()}`);
  try {
    await copy(environment, path);
    const { size } = await stat(path);
    const header = { kind: KIND, format: FORMAT_VERSION, vaultId, bytes: size };
    for await (const chunk of writeBackup(header, path)) {
      checkWanted(signal);
      yield chunk;
    }
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Removes copies that killed processes have left: those of one process, or all of them. Only the folder's
 * owner may do this, and only when those processes have ended.
 */
export async function removeStrayCopies(folder: string, pid?: number): Promise<void> {
  const prefix = pid === undefined ? COPY_PREFIX : `${COPY_PREFIX}${pid}-`;
  const copies = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  await Promise.all(copies.map((name) => rm(join(folder, name), { force: true })));
}

async function copy(environment: Environment, path: string): Promise<void> {
  try {
    await environment.copyTo(path, (free) => checkSpace(environment.bytesInUse() + SPARE_BYTES, free));
  } catch (error) {
    if (isStowkenError(error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new StowkenError(
      'BACKUP_FAILED',
      `the copy of the vault could not be made beside it: ${cause}`,
      { cause },
      { cause: error },
    );
  }
}

function checkSpace(needed: number, free: number): void {
  if (free >= needed) return;
  throw new StowkenError(
    'BACKUP_FAILED',
    `a backup needs ${needed} bytes beside the vault, and ${free} are free`,
    { cause: 'no space left on the device', size: String(needed), limit: String(free) },
  );
}

function checkWanted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the backup was cancelled');
}
