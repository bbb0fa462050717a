// Mixed load on a server that is killed and started again. Usage: main.js [--minutes N] [--kill-seconds N]
// [--clients N] [--workers N] [--seed N] [--data DIR]. No acknowledged change may be lost.
// With --storage postgres: on --servers N of one PostgreSQL, of which one, or the database, is killed. Each
// has --workers N, and their vault --partitions N.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { soakShared } from './shared-database.js';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    'kill-seconds': { type: 'string' },
    clients: { type: 'string', default: '8' },
    workers: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    data: { type: 'string' },
    storage: { type: 'string', default: 'lmdb' },
    servers: { type: 'string', default: '4' },
    partitions: { type: 'string', default: '1' },
  },
});
const report = (line: string) => process.stdout.write(`${line}\n`);
const load = {
  minutes: Number(values.minutes),
  clients: Number(values.clients),
  seed: Number(values.seed),
};
if (values.storage === 'postgres') {
  report(`--seed ${values.seed}`);
  const killSeconds = Number(values['kill-seconds'] ?? 4);
  const [servers, workers, partitions] = [values.servers, values.workers, values.partitions].map(Number);
  const size = { servers: servers!, workers: workers!, partitions: partitions! };
  await soakShared({ ...load, ...size, killSeconds, killsPerRound: 12 }, report);
} else if (values.storage === 'lmdb') {
  const folder = values.data ?? mkdtempSync(join(tmpdir(), 'stowken-soak-'));
  report(`vault in ${folder}, --seed ${values.seed}`);
  const killSeconds = Number(values['kill-seconds'] ?? 60);
  await soak({ ...load, folder, killSeconds, workers: Number(values.workers) }, report);
  // After a failure the vault is kept for inspection.
  if (values.data === undefined) rmSync(folder, { recursive: true });
} else throw new Error('--storage takes lmdb, postgres');
