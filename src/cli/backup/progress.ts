import { createBar } from '../bar.js';
import type { Io } from '../io.js';
import { formatBytes } from '../format.js';

/** Tells on standard error how far a backup is. */
export interface BackupProgress {
  /** Bytes written so far. */
  at(bytes: number): void;
  stop(): void;
}

/** A bar on a terminal, else nothing. `bytesExpected` is about what there is to come. */
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
