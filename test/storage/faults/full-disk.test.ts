import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { durableKinds, openDurable } from '../../crash/backends.js';
import { codec, core, longSegment, storing } from '../../contract/support.js';
import { temporaryFolder } from './support.js';

const run = promisify(execFile);

it.for(durableKinds)(
  'defect 6: a full disk fails commits of the %s backend clearly, and is recovered from',
  async (kind, context) => {
    const folder = await temporaryFolder();
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder.path]);
    } catch (error) {
      await folder.remove();
      const { message } = error as Error;
      if (!/spawn mount ENOENT|not permitted|permission denied|superuser/i.test(message)) throw error;
      return context.skip(`needs to mount a small file system: ${message}`);
    }
    try {
      const filler = join(folder.path, 'filler');
      await writeFile(filler, Buffer.alloc(1024 * 1024));
      const path = join(folder.path, 'vault');
      const backend = await openDurable(kind, path, { codec, core });

      let stored = 0;
      const failure: unknown = await (async () => {
        for (; ; stored++) await backend.commit(storing(`c${stored}`, [longSegment(20_000, stored)]));
      })().catch((error: unknown) => error);
      expect(failure).toMatchObject({ reason: 'COMMIT_FAILED', metadata: { cause: /space/i } });
      expect(stored).toBeGreaterThan(5);
      await expect(backend.commit(storing('more', []))).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
      expect(backend.health()).toMatchObject({ writable: false, cause: /space/i });
      expect((await backend.stats()).conversations).toBe(stored);
      for (let n = 0; n < stored; n++) {
        const { hash, frame } = longSegment(20_000, n);
        const [found] = await backend.findSegments([hash]);
        const [read] = await backend.readFrames([found!.key]);
        expect(Buffer.compare(read!, frame)).toBe(0);
      }
      if (kind === 'lmdb') {
        await expect(backend.backup!(new AbortController().signal).next()).rejects.toMatchObject({
          reason: 'BACKUP_FAILED',
          metadata: { limit: /^\d+$/ },
        });
      }
      expect((await readdir(path)).filter((name) => name.startsWith('backup'))).toEqual([]);

      await rm(filler);
      await expect.poll(() => backend.health().writable).toBe(true);
      await backend.commit(storing('after', [longSegment(20_000, 10_000)]));
      expect(await backend.check()).toEqual([]);
      await backend.close();

      const again = await openDurable(kind, path, { codec, core });
      expect((await again.stats()).conversations).toBe(stored + 1);
      expect(await again.check()).toEqual([]);
      await again.close();
    } finally {
      await run('umount', [folder.path]);
      await folder.remove();
    }
  },
);
