import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';

/** Folder of a run of tests, in which its database is, if a test wanted one. */
const runVariable = 'STOWKEN_TEST_RUN';
const given = process.env['STOWKEN_TEST_URL'];
const binaries = installed();

/** Reason why tests of vaults in PostgreSQL are skipped here; undefined if they run. */
export const postgresMissing =
  given !== undefined || binaries !== undefined
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

/** Starts a database in a new folder, on a free port of loopback, as a user of its own if this is root. */
export async function startPostgres(data: string, settings: readonly string[] = []): Promise<string> {
  mkdirSync(data);
  if (process.getuid?.() === 0) {
    const [user, group] = readFileSync('/etc/passwd', 'utf8')
      .match(/^postgres:[^:]*:(\d+):(\d+)/m)!
      .slice(1);
    chownSync(data, Number(user), Number(group));
  }
  run('initdb', ['-D', data, '-U', 'stowken', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
  const port = await freePort();
  restartPostgres(data, port, settings);
  return `postgres://stowken@127.0.0.1:${port}/postgres`;
}

export function restartPostgres(data: string, port: number, settings: readonly string[] = []): void {
  const own = [
    'listen_addresses=127.0.0.1',
    "unix_socket_directories=''",
    'max_connections=300',
    'fsync=off',
  ];
  const options = [...own, ...settings].map((setting) => `-c ${setting}`).join(' ');
  run('pg_ctl', ['-D', data, '-w', '-l', join(data, 'log'), '-o', `-p ${port} ${options}`, 'start']);
}

export function stopPostgres(data: string, mode: 'immediate' | 'fast' = 'immediate'): void {
  if (existsSync(join(data, 'postmaster.pid'))) run('pg_ctl', ['-D', data, '-w', '-m', mode, 'stop']);
}

function run(program: string, args: readonly string[]): void {
  const path = join(binaries!, program);
  const [command, rest] =
    process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, args];
  const { status, stderr, error } = spawnSync(command, rest, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
}

function installed(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((each) => join(root, each, 'bin')).find((each) => existsSync(join(each, 'initdb')));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
