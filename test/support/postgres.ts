import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import {
  freePort,
  initPostgres,
  postgresPrograms,
  startPostgres as start,
  stopPostgres,
} from '../../bench/lib/postgres-programs.js';

/** Folder of a run of tests, in which its database is, if a test wanted one. */
const runVariable = 'STOWKEN_TEST_RUN';
const given = process.env['STOWKEN_TEST_URL'];

/** Reason why tests of vaults in PostgreSQL are skipped here; undefined if they run. */
export const postgresMissing =
  given !== undefined || postgresPrograms !== undefined
    ? undefined
    : 'PostgreSQL is not installed (apt-get install postgresql), and STOWKEN_TEST_URL names no database';

/** Makes the folder of a run, and ends the database that tests started in it. */
export default function setup(_project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-run-'));
  chmodSync(folder, 0o711);
  process.env[runVariable] = folder;
  return () => {
    stopPostgres(join(folder, 'data'));
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * Returns the URL of the database of this run: the one of STOWKEN_TEST_URL, or one that the first caller of
 * all test processes starts.
 */
export async function testDatabase(): Promise<string> {
  if (given !== undefined) return given;
  const folder = process.env[runVariable];
  if (folder === undefined) throw new Error('the global set-up of the tests was not run');
  const ready = join(folder, 'url');
  try {
    mkdirSync(join(folder, 'starting'));
  } catch {
    while (!existsSync(ready)) await sleep(50);
    return readFileSync(ready, 'utf8');
  }
  const url = await startPostgres(join(folder, 'data'));
  writeFileSync(`${ready}.new`, url);
  execFileSync('mv', [`${ready}.new`, ready]);
  return url;
}

/** Starts a database in a new folder, on a free port of loopback. */
export async function startPostgres(data: string, settings: readonly string[] = []): Promise<string> {
  initPostgres(data, ['--no-sync']);
  return restartPostgres(data, await freePort(), settings);
}

/** Starts a database that was stopped. Nothing is synced: no power is cut here. */
export function restartPostgres(data: string, port: number, settings: readonly string[] = []): string {
  return start(data, port, ['max_connections=300', 'fsync=off', ...settings]);
}
