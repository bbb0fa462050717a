import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadCore } from '../../../src/core/index.js';
import { openFilesystemBackend } from '../../../src/storage/index.js';
import { Random } from '../../crash/random.js';
import { openTestVault } from '../../support/vault.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { fill, type Asked } from './fill.js';
import { restoredVault } from './restored.js';
import { everyByte, runFlips, sampled, type Flip } from './run.js';

/** Flips of each kind of vault; every one if FLIPS is "all". FLIPS_SEED selects others. */
const FLIPS = process.env['FLIPS'] ?? '120';
const seed = Number(process.env['FLIPS_SEED'] ?? 1);

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function filledFilesystem(): Promise<{ readonly whole: string; readonly asked: Asked }> {
  const whole = join(folder.path, 'whole');
  await mkdir(whole);
  const core = await loadCore();
  const t = await openTestVault((codec, clock) =>
    openFilesystemBackend({ folder: whole, codec, core, clock, fsync: false }),
  );
  const asked = await fill(t);
  await t.close();
  return { whole, asked };
}

it.each(['lmdb', 'filesystem'] as const)(
  'a flipped bit in a vault of the %s storage is refused, or changes no answer',
  async (kind) => {
    const { whole, asked } = await (kind === 'lmdb' ? restoredVault(folder.path, fill) : filledFilesystem());
    const numbers = new Random(seed);
    const random = () => numbers.next();
    const all = everyByte(whole, random);
    const flips: Flip[] = FLIPS === 'all' ? all : sampled(all, Number(FLIPS), random);
    const plan = { kind, whole, work: join(folder.path, 'work'), flips, ...asked };
    const summary = await runFlips(plan, join(folder.path, 'plan.json'));
    if (process.env['FLIPS']) process.stdout.write(`${kind}: ${JSON.stringify(summary)}\n`);
    expect(summary.wrong).toEqual([]);
    expect(summary.flips).toBe(flips.length);
    expect(summary.refused).toBeGreaterThan(0);
    // If no stored data is damaged, no caller gets an error.
    expect(Object.keys(summary.reasons).filter((reason) => reason.startsWith('UNTYPED'))).toEqual([]);
  },
  24 * 3_600_000,
);
