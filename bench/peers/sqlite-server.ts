// A server with the same service code, whose vault is SQLite. Argument: a folder for the database.
import { join } from 'node:path';
import { pino } from 'pino';
import { loadCore } from '../../src/core/index.js';
import { ordinaryIntake, startRpcServer } from '../../src/rpc/index.js';
import type { Vault } from '../../src/vault/index.js';
import type { VaultAdmin } from '../../src/vaults/index.js';
import { SqliteVault } from './sqlite-vault.js';

const [folder = '.'] = process.argv.slice(2);
// Only stores and retrievals are measured; no other method is called.
const vault = new SqliteVault(join(folder, 'conversations.db'), await loadCore()) as Partial<Vault> as Vault;
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
