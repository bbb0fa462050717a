import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { durableKinds } from './backends.js';

const ROUNDS = 200;
const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** `npm run test:crash -- --rounds N` runs more of them, and `--seed N` the same ones again. */
it(`keeps what it acknowledged through ${ROUNDS} SIGKILLs`, { timeout: 900_000 }, async () => {
  await run(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json')]);
  const main = join(root, 'build/test/crash/main.js');
  const { stdout } = await run(process.execPath, [main, '--rounds', String(ROUNDS)]);
  for (const kind of durableKinds) {
    const line = stdout.split('\n').find((each) => each.startsWith(`${kind}: every acknowledged fact`));
    for (const about of ['conversation', 'holder', 'gone', 'registry', 'frame']) {
      expect(line).toMatch(new RegExp(`\\b[1-9][0-9]* ${about}\\b`));
    }
  }
});
