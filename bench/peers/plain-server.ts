// A server with the same service code, whose vault is rows of gzipped JSON. Arguments: sqlite and a folder
// for the database, or postgres, the URL of one and a schema.
import { join } from 'node:path';
import { pino } from 'pino';
import { loadCore } from '../../src/core/index.js';
import { ordinaryIntake, startRpcServer } from '../../src/rpc/index.js';
import type { Vault } from '../../src/vault/index.js';
import type { VaultAdmin } from '../../src/vaults/index.js';
import { PlainVault } from './plain-vault.js';
import { PostgresRows } from './postgres-rows.js';
import { SqliteRows } from './sqlite-rows.js';

const [kind, at = '.', schema = 'plain'] = process.argv.slice(2);
const rows =
  kind === 'postgres' ? await PostgresRows.open(at, schema) : new SqliteRows(join(at, 'conversations.db'));
// Only stores and retrievals are measured; no other method is called.
const vault = new PlainVault(rows, await loadCore()) as Partial<Vault> as Vault;
const runtime = { vault, health: () => ({ writable: true }), close: async () => undefined };
const admin = {} as Partial<VaultAdmin> as VaultAdmin;
const server = await startRpcServer({
  vaults: { use: () => ({ vault, runtime, signal: new AbortController().signal, end: () => undefined }) },
  admin,
  tokenizers: { known: [], describe: async () => [] },
  listen: '127.0.0.1:0',
  logger: pino({ level: 'error' }, pino.destination(2)),
  version: '0',
  health: () => ({ writable: true, vaults: new Map() }),
  intake: ordinaryIntake,
});
process.stdout.write(`listening on ${server.address}\n`);
process.on('SIGTERM', () => process.exit(0));
