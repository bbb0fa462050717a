import type { Readable, Writable } from 'node:stream';

/** Input and output of a command: the process's own, except in tests. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Time between two lines of progress if no bar is shown; half a minute if absent. */
  readonly progressEveryMs?: number;
}

export function progressEveryMs(io: Io): number {
  return io.progressEveryMs ?? 30_000;
}
