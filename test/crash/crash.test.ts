import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { sampleOr } from '../support/sample.js';
import { durableKinds } from './backends.js';

/**
 * Each moment of a kill, and so every kind of fact; STOWKEN_CRASH_ROUNDS for more, like
 * `npm run test:crash -- --rounds N` without the other tests.
 */
const ROUNDS = Number(process.env['STOWKEN_CRASH_ROUNDS'] ?? sampleOr(10, 60));
const POWER_CUTS = sampleOr(5, 9);
const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

// `npm run test:crash -- --seed N` runs the same ones again.
async function rounds(...args: string[]): Promise<string[]> {
  const { stdout } = await run(process.execPath, [join(root, 'build/test/crash/main.js'), ...args]);
  return stdout.split('\n');
}

/** Every kind of fact was acknowledged, and every one was found. */
function expectAllKept(lines: readonly string[], abouts: readonly string[]): void {
  for (const kind of durableKinds) {
    const line = lines.find((each) => each.startsWith(`${kind}: every acknowledged fact was there`));
    for (const about of abouts) expect(line).toMatch(new RegExp(`\\b[1-9][0-9]* ${about}\\b`));
  }
}

it(`a store keeps what it acknowledged through ${ROUNDS} SIGKILLs`, async () => {
  const lines = await rounds('--rounds', String(ROUNDS));
  expectAllKept(lines, ['conversation', 'holder', 'gone', 'registry', 'frame']);
});

it(`defect 5: a store keeps what it acknowledged through ${POWER_CUTS} power cuts`, async (context) => {
  const lines = await rounds('--power-cut', '--rounds', String(POWER_CUTS));
  const whyNot = lines.find((line) => line.startsWith('the power cannot be cut here'));
  if (whyNot !== undefined) return context.skip(whyNot);
  expectAllKept(lines, ['conversation', 'holder']);
});
