// Mixed load on a server that is killed and started again. Usage: main.js [--minutes N] [--kill-seconds N]
// [--clients N] [--workers N] [--seed N] [--data DIR]. No acknowledged change may be lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    'kill-seconds': { type: 'string', default: '60' },
    clients: { type: 'string', default: '8' },
    workers: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    data: { type: 'string' },
  },
});
const folder = values.data ?? mkdtempSync(join(tmpdir(), 'stowken-soak-'));
const report = (line: string) => process.stdout.write(`${line}\n`);
report(`vault in ${folder}, --seed ${values.seed}`);
await soak(
  {
    folder,
    minutes: Number(values.minutes),
    killSeconds: Number(values['kill-seconds']),
    clients: Number(values.clients),
    workers: Number(values.workers),
    seed: Number(values.seed),
  },
  report,
);
// After a failure the vault is kept for inspection.
if (values.data === undefined) rmSync(folder, { recursive: true });
