import type { LiveCodec } from '../../codec/index.js';
import type { ManagedBackend } from '../contract/backend.js';
import { StorageActivity } from '../shared/activity.js';
import { checkingItself, isStrict } from '../shared/strict.js';
import type { VaultParts } from './commit/parts.js';
import { Database } from './database/database.js';
import { int, type Statement } from './database/driver.js';
import { IdSource } from './formats/ids.js';
import { Housekeeping } from './leases/housekeeping.js';
import { Presence } from './leases/presence.js';
import { KnownKinds } from './read/known-kinds.js';
import { KnownPrefixes } from './read/known-prefixes.js';
import { KnownSegments } from './read/known-segments.js';
import { Labels } from './read/labels.js';
import { Registries } from './read/registries.js';
import { PostgresBackend } from './postgres-backend.js';
import { Partitions } from './partitions.js';
import { checkDatabase, type DatabaseKind } from './schema/check-database.js';
import { isChanged, isUnchanged } from './schema/times.js';
import { type DatabaseVault, DatabaseVaults, vaultGone } from './vaults.js';

const newestTime: Statement = {
  name: 'vault_newest',
  text: `(select stored from conv where p = $1 and ${isUnchanged} order by created desc, cid desc limit 1)
    union all
    (select stored from conv where p = $1 and ${isChanged} order by stored desc, cid desc limit 1)`,
};

export interface PostgresOptions extends OpenOptions {
  /** URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME&connections=N. */
  readonly url: string;
  readonly schema?: string;
  /** Name of the vault in the database; it is created if it is not there. */
  readonly vault?: string;
  readonly connectionsMax?: number;
  readonly patienceMs?: number;
}

export interface OpenOptions {
  readonly codec: LiveCodec;
  readonly clock: () => number;
  readonly activity?: StorageActivity | undefined;
  /** True to look for mistakes of the storage's own; with STOWKEN_STRICT=1 if it is not given. */
  readonly strict?: boolean;
  /** Interval in which the server renews its row, which keeps its readers; for tests of many collections. */
  readonly beatMs?: number;
}

/**
 * Opens one vault in a database that speaks PostgreSQL's protocol, described in docs/formats/postgres.md.
 * @throws StowkenError STORE_VERSION, STORAGE_UNAVAILABLE, UNSUPPORTED_BY_STORAGE
 */
export async function openPostgres(options: PostgresOptions): Promise<ManagedBackend> {
  const store = await openStore(options);
  const { vault: name = 'default' } = options;
  try {
    await store.vaults.create(name);
    return await store.open(name, options, () => store.close());
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A database with vaults, whose connections they share. */
export interface PostgresStore {
  readonly vaults: DatabaseVaults;
  /** Opens a vault that is there. `end` is called when it is closed. @throws StowkenError VAULT_NOT_FOUND */
  open(name: string, options: OpenOptions, end?: () => Promise<void>): Promise<ManagedBackend>;
  close(): Promise<void>;
}

/** Connects to a database whose tables are of this version. @throws StowkenError as openPostgres */
export async function openStore(
  options: Pick<PostgresOptions, 'url' | 'schema' | 'connectionsMax' | 'patienceMs'>,
): Promise<PostgresStore> {
  const database = await Database.open(options);
  const kind = await checkDatabase(database).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const vaults = new DatabaseVaults(database, kind.partitions);
  return {
    vaults,
    async open(name, own, end = async () => {}) {
      const found = await vaults.find(name);
      if (found) return openVault(database, { ...found, ...kind }, own, end);
      throw vaultGone(name);
    },
    close: () => database.close(),
  };
}

async function openVault(
  database: Database,
  { p, vaultId, partitions: count, isCitus }: DatabaseVault & DatabaseKind,
  { codec, clock, activity = new StorageActivity(), strict = isStrict(), beatMs }: OpenOptions,
  end: () => Promise<void>,
): Promise<ManagedBackend> {
  const partitions = new Partitions(p, count);
  const ids = new IdSource(count);
  const presence = new Presence(database, p, activity.readers, beatMs);
  const registries = new Registries(database, partitions, codec);
  const newest = (await database.queries(partitions.all.map((each) => [newestTime, [each]]))).flat();
  const vault: VaultParts = {
    ...{ database, partitions, isCitus, vaultId, codec, clock, presence, registries },
    ids,
    known: new KnownSegments(),
    kinds: new KnownKinds(),
    prefixes: new KnownPrefixes(),
    labels: new Labels(database, partitions, ids),
    newest: { storeTimeMs: Math.max(0, ...newest.map(({ stored }) => int(stored))) },
    requests: { latest: undefined, answered: [] },
  };
  await registries.refresh();
  await vault.labels.refresh();
  const housekeeping = new Housekeeping(vault);
  await presence.begin(() => housekeeping.onBeat());
  const backend = new PostgresBackend(vault, { activity, strict }, async () => {
    // Those that are left are forgotten with others' requests.
    await housekeeping.end();
    if (!presence.gone) await housekeeping.forgetAnswered().catch(() => {});
    await presence.end();
    await end();
  });
  return strict ? checkingItself(backend) : backend;
}
