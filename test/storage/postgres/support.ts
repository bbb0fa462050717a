import { randomUUID } from 'node:crypto';
import { createLiveCodec } from '../../../src/codec/index.js';
import { type ManagedBackend, migratePostgres, openPostgresBackend } from '../../../src/storage/index.js';
import { core } from '../../contract/support.js';
import { testDatabase } from '../../support/postgres.js';

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

  async close(): Promise<void> {
    for (const backend of this.#open) await backend.close();
  }
}
