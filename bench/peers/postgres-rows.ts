import pg from 'pg';
import type { PlainRows } from './plain-vault.js';

/** Connections, as many as a server of vaults has. */
const connections = 16;

/** Rows in PostgreSQL, each stored by one prepared statement: a transaction, and a trip. */
export class PostgresRows implements PlainRows {
  readonly #pool: pg.Pool;

  private constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: connections });
  }

  static async open(url: string, schema: string): Promise<PostgresRows> {
    const rows = new PostgresRows(url);
    await rows.#pool.query(`create schema if not exists ${schema}`);
    await rows.#pool.query(
      `create table if not exists ${schema}.plain (id text primary key, json bytea not null)`,
    );
    // The bytes are compressed.
    await rows.#pool.query(`alter table ${schema}.plain alter column json set storage external`);
    rows.#put = `insert into ${schema}.plain values ($1, $2) on conflict (id) do update set json = excluded.json`;
    rows.#get = `select json from ${schema}.plain where id = $1`;
    return rows;
  }

  #put = '';
  #get = '';

  async put(id: string, bytes: Buffer): Promise<void> {
    await this.#pool.query({ name: 'put', text: this.#put, values: [id, bytes] });
  }

  async get(id: string): Promise<Buffer> {
    const { rows } = await this.#pool.query<{ json: Buffer }>({
      name: 'get',
      text: this.#get,
      values: [id],
    });
    return rows[0]!.json;
  }
}
