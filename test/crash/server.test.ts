import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { sampleOr } from '../support/sample.js';

/** A sample; STOWKEN_CRASH_ROUNDS for more. */
const ROUNDS = Number(process.env['STOWKEN_CRASH_ROUNDS'] ?? sampleOr(4, 12));
const run = promisify(execFile);
const main = join(resolve(import.meta.dirname, '../..'), 'build/test/crash/main.js');

it(`a server of two workers keeps what it acknowledged through ${ROUNDS} kills, and answers nothing wrong from flipped bits`, async () => {
  const args = ['--workers', '2', '--flips', '--rounds', String(ROUNDS)];
  const { stdout } = await run(process.execPath, [main, ...args], { maxBuffer: 1 << 26 });
  const [, seen = ''] = stdout.split('what was seen\n');
  const count = (what: string) => Number(new RegExp(`^${what} +(\\d+)$`, 'm').exec(seen)?.[1] ?? 0);
  const killed = ['all workers', 'in hand-over', 'primary', 'everything'].map((kind) =>
    count(`rounds: killed ${kind}`),
  );
  expect(killed.reduce((sum, rounds) => sum + rounds, 0)).toBe(ROUNDS);
  expect(count('acknowledged: changes')).toBeGreaterThan(0);
  expect(count('found: conversations, to the last token')).toBeGreaterThan(0);
});
