import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { openLmdbBackend } from '../../../src/storage/index.js';
import { codec } from '../../contract/support.js';
import { temporaryFolder } from './support.js';

const run = promisify(execFile);

it('defect 5: a failing fsync fails its callers, stops writes for good, and leaves reads alive', async (context) => {
  const folder = await temporaryFolder();
  try {
    const library = join(folder.path, 'failing-sync.so');
    const source = join(import.meta.dirname, 'failing-sync.c');
    try {
      await run('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return context.skip(`needs a C compiler: ${(error as Error).message}`);
    }
    const fail = join(folder.path, 'fail');
    const vault = join(folder.path, 'vault');
    const script = join(import.meta.dirname, 'failing-sync.mjs');
    const build = resolve(import.meta.dirname, '../../../build');
    const { stdout } = await run(process.execPath, [script, build, vault, fail], {
      env: { ...process.env, LD_PRELOAD: library, FAIL_SYNC: fail },
    });
    expect(JSON.parse(stdout)).toEqual({
      outcomes: ['done', 'COMMIT_FAILED', 'COMMIT_FAILED', 'WRITES_STOPPED', 'WRITES_STOPPED'],
      health: { writable: false, cause: expect.stringMatching(/input\/output error/i) as string },
      read: 'before',
    });
    const backend = await openLmdbBackend({ folder: vault, codec, clock: Date.now });
    expect(await backend.getConversation('before')).toBeDefined();
    expect(await backend.check()).toEqual([]);
    await backend.close();
  } finally {
    await folder.remove();
  }
});
