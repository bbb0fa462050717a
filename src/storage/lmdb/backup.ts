import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StowkenError } from '../../model/index.js';
import { writeBackup } from '../backup-stream.js';
import type { Environment } from './environment.js';
import { FORMAT_VERSION, KIND } from './layout.js';

/** A copy that is being made; what a killed process left is overwritten by the next. */
const COPY = 'backup.mdb';

/** Copies one state to a file beside the vault, which takes as much space again, and streams that. */
export async function* backupEnvironment(
  environment: Environment,
  folder: string,
  vaultId: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const path = join(folder, `${COPY}-${process.pid}-${Date.now()}`);
  try {
    await environment.copyTo(path);
    const { size } = await stat(path);
    for await (const chunk of writeBackup(
      { kind: KIND, format: FORMAT_VERSION, vaultId, bytes: size },
      path,
    )) {
      if (signal.aborted) throw new StowkenError('CANCELLED', 'the backup was cancelled');
      yield chunk;
    }
  } finally {
    await rm(path, { force: true });
  }
}
