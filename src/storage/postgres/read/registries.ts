import { frameRegistryId, type LiveCodec } from '../../../codec/index.js';
import type { StoredRegistry } from '../../contract/queries.js';
import { fold } from '../commit/fold.js';
import type { Database } from '../database/database.js';
import { bytes, int, type Row, type Statement, type Value } from '../database/driver.js';
import type { Partitions } from '../partitions.js';

const listIds: Statement = { name: 'registry_ids', text: 'select id from registry where p = $1 order by id' };
const listRegistries: Statement = {
  name: 'registries_list',
  text: `select id, octet_length(data) size, created, segs, toks, bytes from registry where p = $1 order by id`,
};
const readRegistry: Statement = {
  name: 'registry_read',
  text: 'select data from registry where p = $1 and id = $2',
};
export const insertRegistry: Statement = {
  name: 'registry_insert',
  text: `insert into registry (p, id, created, segs, toks, bytes, data, dropping) values ($1, $2, $3, 0, 0, 0, $4, $5)`,
};
/**
 * Registries that are marked since this tick or before: a change that did not see the mark is over by the
 * barrier of that tick. One that was marked again has a later mark, whose barrier is another's.
 */
export const lockDropped: Statement = {
  name: 'registries_lock',
  text: `select id, segs from registry where p = $1 and id = any($2::int4[]) and dropping <= $3
    order by id for update`,
};
export const deleteRegistries: Statement = {
  name: 'registries_delete',
  text: 'delete from registry where p = $1 and id = any($2::int4[])',
};
/** Takes back marks of droppers, of this tick or before: the registries are in use again. */
export const keepRegistries: Statement = {
  name: 'registries_keep',
  text: 'update registry set dropping = null where p = $1 and id = any($2::int4[]) and dropping <= $3',
};

/** Runs one statement, by itself or within a transaction. */
interface Asking {
  query(statement: Statement, values: readonly Value[]): Promise<readonly Row[]>;
}

/**
 * Registries of the vault, which any process may add or drop; the codec has those that were seen. Each
 * partition has a row of each.
 */
export class Registries {
  readonly #p: number;

  constructor(
    private readonly database: Database,
    private readonly partitions: Partitions,
    private readonly codec: LiveCodec,
  ) {
    this.#p = partitions.first;
  }

  /** Makes the codec's registries those of the vault. */
  async refresh(asking: Asking = this.database): Promise<void> {
    const stored = new Set((await asking.query(listIds, [this.#p])).map(({ id }) => int(id)));
    this.codec.remove(this.codec.registries.map(({ id }) => id).filter((id) => !stored.has(id)));
    await this.#learn([...stored], asking);
  }

  /**
   * Gives the codec the registries that these frames name. Resolves to whether it has all of them: those of
   * frames that were replaced meanwhile may be gone.
   */
  async learnOf(frames: readonly Uint8Array[], asking: Asking = this.database): Promise<boolean> {
    const named = new Set(frames.filter(({ length }) => length > 0).map(frameRegistryId));
    named.delete(undefined);
    return this.#learn([...named] as number[], asking);
  }

  async list(): Promise<StoredRegistry[]> {
    const rows = await this.database.transact(async (transaction) => {
      // Belongs to this attempt: a transaction may be made once more.
      const all: Row[] = [];
      for (const p of this.partitions.all) {
        await fold(transaction, p);
        all.push(...(await transaction.query(listRegistries, [p])));
      }
      return all;
    });
    const found = new Map<number, StoredRegistry>();
    for (const row of rows) {
      const id = int(row['id']);
      const before = found.get(id) ?? { segments: 0, tokens: 0, frameBytes: 0 };
      found.set(id, {
        id,
        bytes: int(row['size']),
        createTimeMs: int(row['created']),
        segments: before.segments + int(row['segs']),
        tokens: before.tokens + int(row['toks']),
        frameBytes: before.frameBytes + int(row['bytes']),
      });
    }
    return [...found.values()].sort((a, b) => a.id - b.id);
  }

  async read(id: number): Promise<Uint8Array | undefined> {
    const [row] = await this.database.query(readRegistry, [this.#p, id]);
    return row && Uint8Array.from(bytes(row['data']));
  }

  async #learn(ids: readonly number[], asking: Asking): Promise<boolean> {
    let all = true;
    for (const id of ids) {
      if (this.#has(id)) continue;
      const [row] = await asking.query(readRegistry, [this.#p, id]);
      if (row && !this.#has(id)) this.codec.add(Uint8Array.from(bytes(row['data'])));
      all &&= row !== undefined;
    }
    return all;
  }

  #has(id: number): boolean {
    return this.codec.registries.some((registry) => registry.id === id);
  }
}
