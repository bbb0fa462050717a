import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError } from './context.js';
import { formatBytes } from './format.js';
import type { Io } from './io.js';
import { createBar } from './progress.js';

/** @throws UsageError if the file exists and may not be replaced, or is not a regular file */
export async function checkReplaceable(path: string, force: boolean): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (found === undefined) return;
  if (!found.isFile()) throw new UsageError(`${path} is not a file`);
  if (!force) throw new UsageError(`${path} is there already; --force replaces it`);
}

/**
 * Writes a file durably and completely: as PATH.partial until all of it is written. That file is removed if
 * the chunks end with an error.
 */
export async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w');
  try {
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes the entries of a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Reports a backup's progress on standard error. */
export interface BackupProgress {
  /** Bytes written so far. */
  at(bytes: number): void;
  stop(): void;
}

/** Creates a bar on a terminal, otherwise nothing. `bytesExpected` is an estimate. */
export function createBackupProgress(io: Io, bytesExpected: number): BackupProgress {
  if (io.stderr.isTTY !== true) return { at: () => undefined, stop: () => undefined };
  const bar = createBar(io, '{bar} {bytes} of about {expected}');
  const expected = formatBytes(bytesExpected);
  bar.start(bytesExpected, 0, { bytes: formatBytes(0), expected });
  return {
    at: (bytes) => bar.update(Math.min(bytes, bytesExpected), { bytes: formatBytes(bytes), expected }),
    stop: () => bar.stop(),
  };
}
