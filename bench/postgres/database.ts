import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const root = '/usr/lib/postgresql';

/** A durable PostgreSQL of its own, on a free port of loopback, with the settings that it comes with. */
export class OwnDatabase {
  private constructor(
    private readonly folder: string,
    private readonly binaries: string,
    readonly port: number,
    readonly client: pg.Client,
  ) {}

  /** @throws Error if PostgreSQL is not installed */
  static async start(): Promise<OwnDatabase> {
    const binaries = installed();
    if (binaries === undefined) throw new Error(`PostgreSQL is not in ${root}: apt-get install postgresql`);
    const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-postgres-'));
    ownedByPostgres(folder);
    const data = join(folder, 'data');
    run(binaries, 'initdb', ['-D', data, '-U', 'stowken', '--auth=trust', '-E', 'UTF8', '--locale=C']);
    const port = await freePort();
    const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200`;
    run(binaries, 'pg_ctl', ['-D', data, '-w', '-l', join(data, 'log'), '-o', options, 'start']);
    const client = new pg.Client({ connectionString: urlOf(port) });
    await client.connect();
    return new OwnDatabase(folder, binaries, port, client);
  }

  /** URL of the database; with a schema's name, that of vaults' tables in it. */
  url(schema?: string): string {
    return schema === undefined ? urlOf(this.port) : `${urlOf(this.port)}?schema=${schema}`;
  }

  async number(text: string): Promise<number> {
    const { rows } = await this.client.query<{ n: string }>(text);
    return Number(rows[0]?.n);
  }

  /** Bytes of the write-ahead log so far. */
  walBytes(): Promise<number> {
    return this.number(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') n`);
  }

  /** Bytes of the tables of a schema, with their indexes, without rows that are dead. */
  async tableBytes(schema: string): Promise<number> {
    const { rows } = await this.client.query<{ t: string }>(
      `select format('%I.%I', schemaname, tablename) t from pg_tables where schemaname = $1`,
      [schema],
    );
    for (const { t } of rows) await this.client.query(`vacuum full ${t}`);
    const { rows: sizes } = await this.client.query<{ n: string }>(
      `select sum(pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)) n
       from pg_tables where schemaname = $1`,
      [schema],
    );
    return Number(sizes[0]?.n);
  }

  async stop(): Promise<void> {
    await this.client.end();
    run(this.binaries, 'pg_ctl', ['-D', join(this.folder, 'data'), '-w', '-m', 'immediate', 'stop']);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function urlOf(port: number): string {
  return `postgres://stowken@127.0.0.1:${port}/postgres`;
}

/** Runs a program of the database as its own user if this process is root, whom it refuses. */
function run(binaries: string, program: string, args: readonly string[]): void {
  const path = join(binaries, program);
  const [command, rest] =
    process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, args];
  const { status, stderr } = spawnSync(command, rest, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

function ownedByPostgres(folder: string): void {
  if (process.getuid?.() !== 0) return;
  const ids = /^postgres:[^:]*:(\d+):(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (!ids) throw new Error('there is no user postgres');
  chownSync(folder, Number(ids[1]), Number(ids[2]));
  mkdirSync(join(folder, 'data'));
  chownSync(join(folder, 'data'), Number(ids[1]), Number(ids[2]));
}

function installed(): string | undefined {
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
