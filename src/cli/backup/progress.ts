import cliProgress from 'cli-progress';
import type { Io } from '../context.js';
import { formatBytes } from '../format.js';

/** Tells on standard error how far a backup is. */
export interface BackupProgress {
  /** Bytes written so far. */
  at(bytes: number): void;
  stop(): void;
}

/** A bar on a terminal, else nothing. `bytesExpected` is about what there is to come. */
export function createBackupProgress({ stderr }: Io, bytesExpected: number): BackupProgress {
  if (stderr.isTTY !== true) return { at: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar(
    { stream: stderr, format: '{bar} {bytes} of about {expected}', hideCursor: true, clearOnComplete: true },
    cliProgress.Presets.shades_classic,
  );
  const expected = formatBytes(bytesExpected);
  bar.start(bytesExpected, 0, { bytes: formatBytes(0), expected });
  return {
    at: (bytes) => bar.update(Math.min(bytes, bytesExpected), { bytes: formatBytes(bytes), expected }),
    stop: () => bar.stop(),
  };
}
