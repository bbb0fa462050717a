import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { limits } from '../../src/model/index.js';
import { sampleOr } from '../support/sample.js';
import { openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';
import { durableKinds, openDurable, type DurableKind } from './backends.js';

const KILLS = sampleOr(3, 12);
const EXPIRED = 5 * limits.sweepBatchConversations;
const STAYING = 50;
const worker = join(resolve(import.meta.dirname, '../..'), 'build/test/crash/sweep-worker.js');

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'stowken-sweep-'))));
afterEach(() => rm(folder, { recursive: true }));

/** Sweeps in a process that is killed after so many lines; resolves to whether it came to its end. */
async function sweepUntil(kind: DurableKind, nowMs: number, linesMax: number): Promise<boolean> {
  const child = spawn(process.execPath, [worker, kind, folder, String(nowMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise((done) => child.on('close', done));
  let lines = 0;
  let isWhole = false;
  for await (const line of createInterface({ input: child.stdout })) {
    isWhole ||= line === 'end';
    lines += 1;
    if (lines === linesMax) child.kill('SIGKILL');
  }
  await closed;
  return isWhole;
}

describe.each(durableKinds)('a sweep of a vault in the %s backend', (kind) => {
  const visit = async <T>(work: (t: TestVault) => Promise<T>): Promise<T> => {
    const t = await openTestVault(async (codec) => {
      return openDurable(kind, folder, { codec, core: await loadCore() });
    });
    try {
      return await work(t);
    } finally {
      // Checks every invariant.
      await t.close();
    }
  };

  it('that is killed again and again deletes what has expired, and nothing else', async () => {
    const nowMs = await visit(async ({ vault, clock }) => {
      const store = (id: string, expireTimeMs?: number) =>
        vault.store(
          { spec: spec(id, { expireTimeMs }), messages: [say('user', [...Buffer.from(id)])] },
          signal,
        );
      await Promise.all([
        ...Array.from({ length: EXPIRED }, (_, at) => store(`gone-${at}`, clock.nowMs + 1)),
        ...Array.from({ length: STAYING }, (_, at) => store(`stays-${at}`, clock.nowMs + 2)),
      ]);
      return clock.nowMs + 1;
    });
    for (let kill = 1; kill <= KILLS; kill++) {
      expect(await sweepUntil(kind, nowMs, kill)).toBe(false);
      const { conversations } = await visit(({ backend }) => backend.stats());
      expect(conversations).toBeGreaterThanOrEqual(STAYING);
      expect(conversations).toBeLessThan(EXPIRED + STAYING);
    }
    expect(await sweepUntil(kind, nowMs, Infinity)).toBe(true);
    expect(await visit(({ backend }) => backend.stats())).toMatchObject({
      ...{ conversations: STAYING, segments: STAYING, garbageSegments: 0 },
    });
  });
});
