import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createRewriter } from '../../src/codec/index.js';
import { ThreadPool } from '../../src/threads/index.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-threads-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pools: ThreadPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

/** Returns a pool of one thread with this program. */
function poolOf(name: string, program: string, maxOldGenerationSizeMb?: number): ThreadPool {
  const filename = join(folder, `${name}.mjs`);
  writeFileSync(filename, program);
  const resourceLimits = maxOldGenerationSizeMb === undefined ? {} : { maxOldGenerationSizeMb };
  const pool = new ThreadPool({
    filename,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
    resourceLimits,
  });
  pools.push(pool);
  return pool;
}

const task = 'export default (value) => (value === "end" ? process.exit(4) : value);';

describe('tasks of threads', () => {
  it.each([
    ['ends', 'process.exit(3);', undefined, 'without an error'],
    ['throws', 'throw new Error("no such vocabulary");', undefined, 'no such vocabulary'],
    ['takes too much memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(0.5));', 16, 'memory'],
  ])('fail, all of them, if their thread %s while it starts', async (name, start, memory, why) => {
    const pool = poolOf(name.replaceAll(' ', '-'), `${start}\n${task}`, memory);
    const outcomes = await Promise.allSettled([pool.run(1), pool.run(2), pool.run(3)]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected' });
      const { message } = (outcome as PromiseRejectedResult).reason as Error;
      expect(message).toMatch(/^a worker thread ended before it took its task/);
      expect(message).toContain(why);
    }
    await expect(pool.run(4)).rejects.toThrow('a worker thread ended before it took its task');
  });

  it('that wait for a thread which a task ends fail, and the next one has another thread', async () => {
    const pool = poolOf('later', task);
    const [first, second] = await Promise.allSettled([pool.run('end'), pool.run('waits')]);
    expect(first).toMatchObject({ reason: { message: 'worker exited with code: 4' } });
    expect(second).toMatchObject({ status: 'rejected' });
    expect(await pool.run('more')).toBe('more');
  });

  it('are taken back by their signal, without an end of the others', async () => {
    const pool = poolOf('signals', task);
    const signal = AbortSignal.abort();
    await expect(pool.run(1, { signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await pool.run(2, { signal: new AbortController().signal })).toBe(2);
  });

  it('fail where the threads are ended', async () => {
    const pool = poolOf('closed', `await new Promise(() => setInterval(() => 1, 1000));\n${task}`);
    const waits = pool.run(1);
    await Promise.all([expect(waits).rejects.toThrow(), pool.close()]);
  });
});

it('a rewriter whose registries do not load fails, and does not wait', async () => {
  const rewriter = createRewriter([Uint8Array.of(1, 2, 3)]);
  const { signal } = new AbortController();
  await expect(rewriter.rewrite([Uint8Array.of(0)], signal)).rejects.toThrow(/^a worker thread ended before/);
  await rewriter.close();
});
