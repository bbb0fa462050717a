import type { Readable, Writable } from 'node:stream';
import pino, { type Logger } from 'pino';
import { escapeJson } from '../model/index.js';

/** Where a command reads and writes: the process's own, but for tests. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Time between two lines of progress where no bar is shown; half a minute when absent. */
  readonly progressEveryMs?: number;
}

export function progressEveryMs(io: Io): number {
  return io.progressEveryMs ?? 30_000;
}

/** Writes JSON lines to standard error. Characters that act on a terminal are escaped in them. */
export function createLogger({ stderr }: Pick<Io, 'stderr'>, level: string): Logger {
  return pino({ level }, { write: (lines) => void stderr.write(escapeJson(lines)) });
}
