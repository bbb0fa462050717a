import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { type ManagedBackend, migratePostgres, openPostgresBackend } from '../../../src/storage/index.js';
import { core } from '../../contract/support.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { testDatabase } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';

/** A vault of its own in the database of all tests, and the servers that a test opens on it. */
export class SharedVault {
  readonly #open: ManagedBackend[] = [];

  private constructor(
    readonly url: string,
    readonly name: string,
  ) {}

  static async create(): Promise<SharedVault> {
    const url = await testDatabase();
    await migratePostgres({ url });
    return new SharedVault(url, `test ${randomUUID()}`);
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
   * Locks the vault's rows of a table, as a slow server might, until so many statements of others wait for
   * them. Resolves to the results of what was begun meanwhile.
   */
  async whileLocked<T>(table: string, waiting: number, begin: () => readonly Promise<T>[]): Promise<T[]> {
    const database = await Database.open({ url: this.url, connectionsMax: 2 });
    const rows = `select p from ${table} where p = (select p from vault where name = $1) for update`;
    const held = `select pid from pg_stat_activity where wait_event_type = 'Lock' and query like $1`;
    const query = `%from ${table} where p%for update`;
    try {
      const begun = await database.transact(async (transaction) => {
        await transaction.query({ name: '', text: rows }, [Buffer.from(this.name)]);
        const begun = Promise.all(begin());
        begun.catch(() => {});
        await eventually(async () =>
          expect((await database.query({ name: '', text: held }, [query])).length).toBe(waiting),
        );
        return { begun };
      });
      return await begun.begun;
    } finally {
      await database.close();
    }
  }

  async close(): Promise<void> {
    for (const backend of this.#open) await backend.close();
  }
}
