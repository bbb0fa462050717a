import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const root = '/usr/lib/postgresql';

/** Programs of the newest PostgreSQL that Debian has installed here; undefined if there is none. */
export const postgresPrograms = installed();

/**
 * Makes the folder of a new database cluster, whose superuser is stowken, without a password. A process of
 * root makes it as the user of the database, since its programs refuse root.
 */
export function initPostgres(data: string, options: readonly string[] = []): void {
  mkdirSync(data);
  if (process.getuid?.() === 0) {
    const ids = /^postgres:[^:]*:(\d+):(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'));
    if (!ids) throw new Error('there is no user postgres');
    chownSync(data, Number(ids[1]), Number(ids[2]));
  }
  run('initdb', ['-D', data, '-U', 'stowken', '--auth=trust', '-E', 'UTF8', '--locale=C', ...options]);
}

/** Starts a database on a port of loopback, with these settings ("name=value"). Returns its URL. */
export function startPostgres(data: string, port: number, settings: readonly string[]): string {
  const all = ['listen_addresses=127.0.0.1', "unix_socket_directories=''", ...settings];
  const options = [`-p ${port}`, ...all.map((setting) => `-c ${setting}`)].join(' ');
  run('pg_ctl', ['-D', data, '-w', '-l', join(data, 'log'), '-o', options, 'start']);
  return `postgres://stowken@127.0.0.1:${port}/postgres`;
}

export function stopPostgres(data: string, mode: 'immediate' | 'fast' = 'immediate'): void {
  if (existsSync(join(data, 'postmaster.pid'))) run('pg_ctl', ['-D', data, '-w', '-m', mode, 'stop']);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function run(program: string, args: readonly string[]): void {
  if (postgresPrograms === undefined)
    throw new Error(`PostgreSQL is not in ${root}: apt-get install postgresql`);
  const path = join(postgresPrograms, program);
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
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((each) => join(root, each, 'bin')).find((each) => existsSync(join(each, 'initdb')));
}
