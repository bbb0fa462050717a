import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { ServeOptions } from './serve/options.js';

/** A server that runs in this process. */
export interface RunningServer {
  /** HOST:PORT with the real port, or unix:/path. */
  readonly address: string;
  /** Takes no more calls, finishes those under way, flushes; resolves when all is closed. */
  stop(): Promise<void>;
}

/** Starts a server; rejects when it cannot. `logger` writes to standard error. */
export type StartServer = (options: ServeOptions, logger: Logger) => Promise<RunningServer>;

/** Where a command reads and writes: the process's own, but for tests. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface CliDependencies {
  readonly startServer: StartServer;
  readonly version: string;
  readonly io?: Io;
}

/** What every command works with. */
export interface Context {
  readonly startServer: StartServer;
  readonly version: string;
  readonly io: Io;
}

/** Wrong usage found after the arguments were parsed: printed without a trace, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command that could not do what it was asked: printed without a trace, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
