import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, type ServerProcess } from '../lib/processes.js';
import { type Secure, SecureFiles } from '../lib/secure-files.js';

const { resolve } = createRequire(import.meta.url);

/** Servers that are compared, by their way to store conversations. */
export type ServerKind = keyof typeof servers;

const stowken = (...args: string[]) => ({
  script: '#build/programs/main.js',
  args: (folder: string) => [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error', ...args],
  ],
});

const secured = 'stowken, TLS, token and metrics' as const;

const servers = {
  stowken: stowken(),
  'stowken, one process': stowken(),
  'stowken, 2 workers': stowken('--workers', '2'),
  'stowken, metrics': stowken('--metrics', '127.0.0.1:0'),
  [secured]: stowken('--metrics', '127.0.0.1:0'),
  'files, same server': stowken('--storage', 'filesystem'),
  'gzip JSON in SQLite, same server': {
    script: '#build/bench/peers/plain-server.js',
    args: (folder: string) => ['sqlite', folder],
  },
  'bare grpc-js': { script: '#build/bench/peers/bare-server.js', args: () => [] },
} as const;

export interface StartedServer extends ServerProcess {
  readonly kind: ServerKind;
  /** Undefined: it is reached without TLS, and asks for no token. */
  readonly secure: Secure | undefined;
}

/** Starts an empty server, and ends it when the work is done. */
export async function withServer<T>(
  kind: ServerKind,
  work: (server: StartedServer) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const { script, args } = servers[kind];
  const files = kind === secured ? new SecureFiles() : undefined;
  const server = await startProcess(resolve(script), [...args(folder), ...(files?.options ?? [])]);
  let running = true;
  const stop = async (): Promise<void> => {
    if (running) await server.stop();
    running = false;
  };
  try {
    return await work({ ...server, kind, stop, secure: files?.secure });
  } finally {
    await stop();
    rmSync(folder, { recursive: true });
    files?.remove();
  }
}
