import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratePostgres } from '../../src/storage/index.js';
import { startProcess, type ServerProcess } from '../lib/processes.js';
import type { OwnDatabase } from './database.js';

const { resolve } = createRequire(import.meta.url);

/** Ways to store that are compared: a name, and how many servers there are. */
export const kinds = {
  'stowken, LMDB': { storage: 'lmdb', servers: 1 },
  'stowken, 1 server': { storage: 'postgres', servers: 1 },
  'stowken, 2 servers': { storage: 'postgres', servers: 2 },
  'stowken, 4 servers': { storage: 'postgres', servers: 4 },
  'stowken, --workers 2': { storage: 'postgres', servers: 1, workers: 2 },
  'gzip JSON, plain SQL': { storage: 'plain', servers: 1 },
} as const satisfies Record<
  string,
  { readonly storage: 'lmdb' | 'postgres' | 'plain'; readonly servers: number; readonly workers?: number }
>;
export type Kind = keyof typeof kinds;

export interface Cluster {
  readonly kind: Kind;
  readonly addresses: readonly string[];
  /** Schema of its tables; undefined without any. */
  readonly schema: string | undefined;
  readonly processes: readonly ServerProcess[];
  cpuSeconds(): number;
}

let clusters = 0;

/** Starts empty servers, and ends them when the work is done. `port`: that of the database, or before it. */
export async function withCluster<T>(
  database: OwnDatabase,
  kind: Kind,
  work: (cluster: Cluster) => Promise<T>,
  port = database.port,
): Promise<T> {
  const { storage, servers, ...more } = kinds[kind];
  const workers = 'workers' in more ? more.workers : 1;
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const schema = storage === 'lmdb' ? undefined : `bench_${++clusters}`;
  const url = database.url(schema).replace(`:${database.port}/`, `:${port}/`);
  const processes: ServerProcess[] = [];
  try {
    if (storage === 'postgres') await migratePostgres({ url: database.url(schema) });
    const serve = ['serve', '--listen', '127.0.0.1:0', '--log-level', 'error', '--workers', String(workers)];
    for (let n = 0; n < servers; n += 1)
      processes.push(
        storage === 'plain'
          ? await startProcess(resolve('#build/bench/peers/plain-server.js'), [
              ...['postgres', database.url(), schema!],
            ])
          : await startProcess(resolve('#build/programs/main.js'), [
              ...serve,
              ...(storage === 'lmdb' ? ['--data', folder] : ['--storage', url]),
            ]),
      );
    const cpuSeconds = () => processes.reduce((sum, each) => sum + each.cpuSeconds(), 0);
    return await work({
      kind,
      addresses: processes.map(({ address }) => address),
      schema,
      processes,
      cpuSeconds,
    });
  } finally {
    for (const each of processes) await each.stop();
    rmSync(folder, { recursive: true, force: true });
    if (schema !== undefined) await database.client.query(`drop schema if exists ${schema} cascade`);
  }
}
