import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import {
  type ManagedBackend,
  migratePostgres,
  openPostgresBackend,
  openPostgresStore,
} from '../../../src/storage/index.js';
import { core } from '../../contract/support.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { int, type Row } from '../../../src/storage/postgres/database/driver.js';
import { partitionedTables } from '../../../src/storage/postgres/schema/layout.js';
import { testDatabase } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';

/**
 * A vault of its own in the database of all tests, and the servers that a test opens on it. Its name is that
 * of its connections, too: others' are not counted, and not cut.
 */
export class SharedVault {
  readonly #open: ManagedBackend[] = [];

  private constructor(
    readonly url: string,
    readonly name: string,
  ) {}

  /** Makes a vault in tables with so many partitions a vault. */
  static async create(partitions = 1): Promise<SharedVault> {
    const url = new URL(await testDatabase());
    const name = `test ${randomUUID()}`;
    if (partitions > 1) url.searchParams.set('schema', `stowken_${partitions}`);
    url.searchParams.set('application_name', name);
    await migratePostgres({ url: url.toString(), partitions });
    return new SharedVault(url.toString(), name);
  }

  /** Opens the vault as one more server would. */
  async open({
    beatMs,
    clock = Date.now,
  }: { readonly beatMs?: number; readonly clock?: () => number } = {}): Promise<
    ManagedBackend & { readonly codec: ReturnType<typeof createLiveCodec> }
  > {
    const codec = createLiveCodec(core);
    const { url, name: vault } = this;
    const options = { codec, clock, connectionsMax: 6, ...(beatMs !== undefined && { beatMs }) };
    const backend = await openPostgresBackend({ url, vault, ...options });
    this.#open.push(backend);
    return Object.assign(backend, { codec });
  }

  /**
   * Locks the rows of a table in one of the vault's partitions, as a slow server might, until so many
   * statements of others wait for them, and `meanwhile` has ended. Resolves to the results of what was begun.
   */
  async whileLocked<T>(
    table: string,
    waiting: number,
    begin: () => readonly Promise<T>[],
    meanwhile = async () => {},
    partition = 0,
  ): Promise<T[]> {
    const database = await Database.open({ url: this.url, connectionsMax: 2 });
    const rows = `select p from ${table} where p = (select p from vault where name = $1) + ${partition} for update`;
    try {
      const begun = await database.transact(async (transaction) => {
        await transaction.query({ name: '', text: rows }, [Buffer.from(this.name)]);
        const begun = Promise.all(begin());
        begun.catch(() => {});
        await eventually(async () => expect(await this.waiting(table)).toBe(waiting));
        await meanwhile();
        return { begun };
      });
      return await begun.begun;
    } finally {
      await database.close();
    }
  }

  /** Returns how many statements wait for rows of a table that another has locked. */
  async waiting(table: string): Promise<number> {
    const held = `select count(*) n from pg_stat_activity
      where application_name = current_setting('application_name') and wait_event_type = 'Lock'
        and query like '%from ${table} where p = $%for update' and $1::int > 0`;
    const [row] = await this.rows(held);
    return int(row?.['n']);
  }

  /** Asks the database about the vault, whose partition is $1. */
  async rows(text: string): Promise<readonly Row[]> {
    const database = await Database.open({ url: this.url, connectionsMax: 1 });
    try {
      const [row] = await database.query({ name: '', text: 'select p from vault where name = $1' }, [
        Buffer.from(this.name),
      ]);
      return await database.query({ name: '', text }, [int(row!['p'])]);
    } finally {
      await database.close();
    }
  }

  /** Returns the rows in any table that no vault has; `partitions` each vault has. */
  async rowsLeft(partitions: number): Promise<number> {
    const database = await Database.open({ url: this.url, connectionsMax: 1 });
    try {
      let left = 0;
      for (const table of partitionedTables) {
        const text = `select count(*) n from ${table} t where not exists
          (select 1 from vault v where t.p >= v.p and t.p < v.p + $1 and substr(v.name, 1, 1) <> $2)`;
        const [row] = await database.query({ name: '', text }, [partitions, Buffer.alloc(1)]);
        left += int(row?.['n']);
      }
      return left;
    } finally {
      await database.close();
    }
  }

  /** Deletes the vault, as a server that does not have it open would. */
  async remove(): Promise<void> {
    const store = await openPostgresStore(this.url);
    await store.vaults.remove(this.name);
    await store.close();
  }

  async close(): Promise<void> {
    for (const backend of this.#open) await backend.close();
  }
}
