import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** A few rounds; `npm run test:crash -- --rounds N` runs more of them. */
it('keeps what it acknowledged through SIGKILL', { timeout: 120_000 }, async () => {
  await run(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json')]);
  const { stdout } = await run(process.execPath, [join(root, 'build/test/crash/main.js'), '--rounds', '8']);
  expect(stdout).toContain('nothing was damaged');
});
