import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { logName, recordsIn } from './append-log.js';
import { Disk, whyNoPowerCut } from './power.js';
import { sampleOr } from '../support/sample.js';
import { Random } from './random.js';

const CUTS = sampleOr(6, 20);
const root = resolve(import.meta.dirname, '../..');

// If this fails, the other tests of power cuts prove nothing about the project's code.
it(`a disk has what a process was told that it has, through ${CUTS} power cuts`, async (context) => {
  const whyNot = await whyNoPowerCut();
  if (whyNot !== undefined) return context.skip(whyNot);
  const random = new Random(Number(process.env['CRASH_SEED'] ?? 1));
  const folder = await mkdtemp(join(tmpdir(), 'stowken-power-'));
  const notes = join(folder, 'notes');
  const disk = await Disk.create(folder);
  try {
    for (let cut = 0; cut < CUTS; cut++) {
      const worker = spawn(
        process.execPath,
        [join(root, 'build/test/crash/append-worker.js'), disk.folder, notes],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const ended = once(worker, 'exit');
      await once(worker.stdout, 'data');
      await setTimeout(random.below(60));
      await disk.cutPower(worker.pid!);
      worker.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      await disk.startAgain();
      const noted = (await readFile(notes, 'utf8')).split('\n').length - 1;
      const kept = recordsIn(await readFile(join(disk.folder, logName)));
      expect(kept, `records after cut ${cut + 1}`).toBeGreaterThanOrEqual(noted);
    }
  } finally {
    await disk.remove();
    await rm(folder, { recursive: true });
  }
});
