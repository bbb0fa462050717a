import type { Environment, Tables } from '../tables/environment.js';
import { tableKeys, type TableName } from '../tables/table-keys.js';
import type { Table } from '../tables/table.js';
import { OWNER_KEY } from '../tables/meta.js';
import type { SalvagedRecord } from './read-tables.js';

/** Bytes of records that one transaction copies. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Irregular records that were copied or left out. */
export interface Copied {
  /** Records with a wrong checksum, by table: left out, except packs. */
  readonly records: ReadonlyMap<string, number>;
  readonly orphaned: ReadonlyMap<string, number>;
  /** Numbers of conversations whose records were orphaned. */
  readonly orphanedConversations: ReadonlySet<number>;
  /** Keys of packs with a wrong checksum: frames in them may be intact. */
  readonly unprovenPacks: ReadonlySet<number>;
}

/** Copies records to a new, empty vault. The old one's owner is not copied. */
export async function copyRecords(
  records: Iterable<SalvagedRecord>,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<Copied> {
  const damaged = new Map<string, number>();
  const orphaned = new Map<string, number>();
  const unprovenPacks = new Set<number>();
  const orphanedConversations = new Set<number>();
  let batch: SalvagedRecord[] = [];
  let bytes = 0;
  const write = async () => {
    const taken = batch;
    batch = [];
    bytes = 0;
    await environment.write(() => taken.forEach((record) => put(environment.tables, record)));
  };
  for (const record of records) {
    signal?.throwIfAborted();
    const { table, key, value, whole } = record;
    if (!whole) {
      count(damaged, table);
      if (table !== 'packs' || key.length !== 4) continue;
      unprovenPacks.add(key.readUInt32LE(0));
    }
    if (record.orphaned) {
      count(orphaned, table);
      if (table === 'conversations') orphanedConversations.add(key.readUInt32LE(0));
    }
    if (table === 'meta' && key.readUInt32LE(0) === OWNER_KEY) continue;
    batch.push(record);
    bytes += key.length + value.length;
    if (bytes >= BATCH_BYTES) await write();
  }
  await write();
  return { records: damaged, orphaned, orphanedConversations, unprovenPacks };
}

function count(counts: Map<string, number>, table: TableName): void {
  counts.set(table, (counts.get(table) ?? 0) + 1);
}

/** Records arrive in the order of their keys, except orphaned ones. */
function put(tables: Tables, { table, key, value }: SalvagedRecord): void {
  // Records come in the form in which they were stored.
  if (table === 'conversations') tables.conversations.hot.putNew(key.readUInt32LE(0), value);
  else if (tableKeys[table] === 'u32') (tables[table] as Table<number>).putNew(key.readUInt32LE(0), value);
  else (tables[table] as Table<Buffer>).putNew(key, value);
}
