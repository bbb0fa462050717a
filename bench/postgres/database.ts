import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort, initPostgres, startPostgres, stopPostgres } from '../lib/postgres-programs.js';

/** A table with what it has apart, or one of its indexes. */
export interface Relation {
  readonly name: string;
  readonly bytes: number;
}

/** A durable PostgreSQL of its own, on a free port of loopback, with the settings that it comes with. */
export class OwnDatabase {
  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly ownUrl: string,
    readonly client: pg.Client,
  ) {}

  /** @throws Error if PostgreSQL is not installed */
  static async start(): Promise<OwnDatabase> {
    const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-postgres-'));
    // The user of the database passes through it.
    chmodSync(folder, 0o711);
    const data = join(folder, 'data');
    initPostgres(data);
    const port = await freePort();
    const url = startPostgres(data, port, ['max_connections=200']);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new OwnDatabase(folder, port, url, client);
  }

  /** URL of the database; with a schema's name, that of vaults' tables in it. */
  url(schema?: string): string {
    return schema === undefined ? this.ownUrl : `${this.ownUrl}?schema=${schema}`;
  }

  async number(text: string): Promise<number> {
    const { rows } = await this.client.query<{ n: string }>(text);
    return Number(rows[0]?.n);
  }

  /** Bytes of the write-ahead log so far. */
  walBytes(): Promise<number> {
    return this.number(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') n`);
  }

  /** Bytes of the tables of a schema, with their indexes, without rows that are dead; by their names. */
  async tableBytes(schema: string): Promise<Relation[]> {
    const { rows } = await this.client.query<{ t: string }>(
      `select format('%I.%I', schemaname, tablename) t from pg_tables where schemaname = $1`,
      [schema],
    );
    for (const { t } of rows) await this.client.query(`vacuum full ${t}`);
    const { rows: sizes } = await this.client.query<{ name: string; n: string }>(
      `select c.relname as name, case c.relkind when 'i' then pg_relation_size(c.oid)
         else pg_table_size(c.oid) end n
       from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = $1)
       and c.relkind in ('r', 'i')`,
      [schema],
    );
    return sizes.map(({ name, n }) => ({ name, bytes: Number(n) }));
  }

  async stop(): Promise<void> {
    await this.client.end();
    stopPostgres(join(this.folder, 'data'));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
