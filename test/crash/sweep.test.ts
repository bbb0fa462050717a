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
/** Conversations whose deletion leaves pages to join in several transactions. */
const MANY = 3 * EXPIRED;
const worker = join(resolve(import.meta.dirname, '../..'), 'build/test/crash/sweep-worker.js');

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'stowken-sweep-'))));
afterEach(() => rm(folder, { recursive: true }));

/** Sweeps in a process that is killed after so many lines; resolves to whether it came to its end. */
function sweepUntil(kind: DurableKind, nowMs: number, linesMax: number): Promise<boolean> {
  return runUntil([kind, folder, String(nowMs)], linesMax);
}

/** The same, with the joining of pages; only lines of that count. */
function joinUntil(nowMs: number, linesMax: number): Promise<boolean> {
  return runUntil(['lmdb', folder, String(nowMs), 'join'], linesMax, (line) => line === 'join');
}

async function runUntil(
  options: readonly string[],
  linesMax: number,
  counts: (line: string) => boolean = () => true,
): Promise<boolean> {
  const child = spawn(process.execPath, [worker, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((done) => child.on('close', done));
  let lines = 0;
  let isWhole = false;
  for await (const line of createInterface({ input: child.stdout })) {
    isWhole ||= line === 'end';
    if (counts(line)) lines += 1;
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

  if (kind === 'lmdb')
    it('that is killed while it joins half-empty pages keeps what has not expired', async () => {
      const id = (at: number) => `c-${at}`;
      const stays = (at: number) => at % 8 === 0;
      const ids = Array.from({ length: MANY }, (_, at) => at)
        .filter(stays)
        .map(id);
      const nowMs = await visit(async ({ vault, clock }) => {
        const store = (at: number) =>
          vault.store(
            {
              spec: spec(id(at), {
                expireTimeMs: clock.nowMs + (stays(at) ? 2 : 1),
                metadata: { at: `${at}` },
              }),
              messages: [say('user', [...Buffer.from(id(at))])],
            },
            signal,
          );
        await Promise.all(Array.from({ length: MANY }, (_, at) => store(at)));
        return clock.nowMs + 1;
      });
      expect(await sweepUntil(kind, nowMs, Infinity)).toBe(true);
      const swept = await visit(({ backend }) => backend.stats());
      const listed = { filter: {}, order: 'earliestStoreFirst', limit: MANY, scanLimit: MANY } as const;
      const left = async () =>
        visit(async ({ backend }) => (await backend.listConversations(listed)).conversations);
      let killed = 0;
      for (let kill = 1; kill <= KILLS; kill++) {
        if (!(await joinUntil(nowMs, 3 * kill))) killed += 1;
        expect((await left()).map((each) => each.id)).toEqual(ids);
      }
      expect(killed).toBeGreaterThan(0);
      expect(await joinUntil(nowMs, Infinity)).toBe(true);
      expect((await left()).map((each) => each.id)).toEqual(ids);
      const { inUseBytes } = await visit(({ backend }) => backend.stats());
      expect(inUseBytes).toBeLessThan(swept.inUseBytes);
    });

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
