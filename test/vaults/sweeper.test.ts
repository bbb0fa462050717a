import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { limits } from '../../src/model/index.js';
import { createMemoryBackend, openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import type { Vault } from '../../src/vault/index.js';
import {
  FolderCatalogue,
  OpenVaults,
  StoredVault,
  Sweeper,
  type SweeperOptions,
  type Swept,
  type VaultOpener,
} from '../../src/vaults/index.js';
import { randomFrom } from '../support/random.js';
import { sharedSearchThreads, sharedTokenizers } from '../support/threads.js';
import { say, signal, spec } from '../support/vault.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let folder: string;
let nowMs: number;
let rests: number;
/** Called at each rest. */
let onRest: () => void;
let swept: [string, Swept][];
beforeEach(() => {
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'stowken-sweep-'));
  nowMs = new Date(2026, 5, 1, 12, 0).getTime();
  rests = 0;
  onRest = () => undefined;
  swept = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(['lmdb', 'memory', 'filesystem'] as const)('the sweeper of vaults in %s', (kind) => {
  let vaults: OpenVaults<StoredVault>;
  let catalogue: FolderCatalogue;
  let errors: unknown[];

  beforeEach(async () => {
    const core = await loadCore();
    const clock = () => nowMs;
    errors = [];
    catalogue = new FolderCatalogue(folder);
    const opener: VaultOpener = {
      catalogue,
      core,
      tokenizers: sharedTokenizers(),
      searchThreads: sharedSearchThreads(),
      clock,
      defaults: { prefixIndex: true, autoCompact: false },
      readOnly: false,
      checks: [],
      openBackend: async (given, { codec }) => {
        if (kind === 'memory') return createMemoryBackend({ codec, clock });
        return kind === 'lmdb'
          ? openLmdbBackend({ folder: given!, codec, clock, durability: 'relaxed' })
          : openFilesystemBackend({ folder: given!, codec, core, clock, fsync: false });
      },
      onCompacted: () => undefined,
      onCompactionFailed: () => undefined,
    };
    vaults = new OpenVaults({
      open: (name) => StoredVault.open(name, opener),
      openMax: 2,
      waitMs: 0,
      retryMs: 0,
    });
  });
  afterEach(async () => {
    expect(errors).toEqual([]);
    for (const name of vaults.states().keys())
      expect(await vaults.openRuntime(name)!.backend.check()).toEqual([]);
    await vaults.close();
  });

  function createSweeper(window?: SweeperOptions['window']): Sweeper {
    return new Sweeper({
      vaults,
      catalogue,
      intervalMs: HOUR,
      window,
      clock: () => nowMs,
      rest: async () => {
        rests += 1;
        onRest();
      },
      onSwept: (vault, figures) => swept.push([vault, figures]),
      onError: (_vault, error) => errors.push(error),
    });
  }

  const runtime = () => vaults.openRuntime('default')!;
  const conversations = async () => (await runtime().backend.stats()).conversations;

  async function withVault<T>(work: (vault: Vault) => Promise<T>, name = 'default'): Promise<T> {
    const { vault, end } = await vaults.use(name);
    try {
      return await work(vault);
    } finally {
      end();
    }
  }

  const store = (vault: Vault, id: string, fields: Parameters<typeof spec>[1] = {}) =>
    vault.store({ spec: spec(id, fields), messages: [say('user', [...Buffer.from(id)])] }, signal);

  it('deletes what has expired in batches, and collects garbage, and leaves usage counted', async () => {
    const count = 3 * limits.sweepBatchConversations;
    await withVault(async (vault) => {
      for (let at = 0; at < count; at++) await store(vault, `gone-${at}`, { expireTimeMs: nowMs + 1000 });
      await store(vault, 'user', { metadata: { user: '7' } });
      await store(vault, 'kept', { metadata: { user: '7', tag: 'golden' } });
      await store(vault, 'stays');
    });
    const sweeper = createSweeper();
    await sweeper.look();
    expect(swept).toEqual([]);
    expect(await conversations()).toBe(count + 3);

    await runtime().apply({
      lifetimes: [{ label: 'user', value: '7', lifetimeMs: HOUR }],
      keep: [{ label: 'tag', value: 'golden' }],
    });
    nowMs += HOUR;
    // One is stored once more while it is swept: as it is new, it stays.
    let again: Promise<unknown> | undefined;
    onRest = () => {
      again ??= withVault((vault) => store(vault, `gone-${count - 1}`));
    };
    await sweeper.look();
    await again;
    expect(rests).toBeGreaterThanOrEqual(3);
    expect(await conversations()).toBe(3);
    const query = { filter: {}, order: 'oldestFirst', limit: 9, scanLimit: 99 } as const;
    const left = await withVault((vault) => vault.list(query));
    expect(left.conversations.map(({ id }) => id)).toEqual(['kept', 'stays', `gone-${count - 1}`]);
    const [[, figures]] = swept as [[string, Swept]];
    expect(figures.conversations).toBeGreaterThanOrEqual(count);
    expect(figures.segments).toBeGreaterThan(0);
    expect((await runtime().backend.stats()).garbageSegments).toBe(0);
    expect(sweeper.figures.all.get('default')).toMatchObject({
      ...{ swept: figures.conversations, left: 0, lastMs: nowMs, running: false },
    });
    if (kind === 'filesystem') return;
    const usage = { groupBy: [], labels: [], fromMs: 0, beforeMs: nowMs + 1, timeZone: '' };
    const [sum] = await withVault((vault) => vault.usage(usage, signal));
    expect(sum!.figures.conversations).toBe(count + 4);
  });

  if (kind === 'lmdb')
    it('joins the pages that it left half empty, also after a sweep in which that failed', async () => {
      const random = randomFrom(3);
      const tokens = () => Array.from({ length: 60 }, () => random.below(200_000));
      await withVault(async (vault) => {
        const stored = Array.from({ length: 1000 }, (_, at) =>
          vault.store(
            {
              spec: spec(`c${at}`, at % 10 === 0 ? {} : { expireTimeMs: nowMs + 1000 }),
              messages: [say('user', tokens())],
            },
            signal,
          ),
        );
        await Promise.all(stored);
      });
      const { inUseBytes: before } = await runtime().backend.stats();
      nowMs += HOUR;
      const sweeper = createSweeper();
      const error = new Error('no room');
      vi.spyOn(runtime().backend, 'defragment').mockRejectedValueOnce(error);
      await sweeper.look();
      expect(errors.splice(0)).toEqual([error]);
      nowMs += HOUR;
      await sweeper.look();
      const { conversations: left, inUseBytes } = await runtime().backend.stats();
      expect(left).toBe(100);
      expect(inUseBytes).toBeLessThan(before / 3);
      expect(await runtime().backend.reclaimableBytes!(signal)).toBeLessThan(inUseBytes / 4);
    });

  it('works only in its window, goes on in the next one, and not before it is due', async () => {
    const count = 2 * limits.sweepBatchConversations;
    await withVault(async (vault) => {
      for (let at = 0; at < count; at++) await store(vault, `c${at}`, { expireTimeMs: nowMs });
    });
    const sweeper = createSweeper({ fromMinute: 23 * 60, toMinute: 60 });
    await sweeper.look();
    expect(await conversations()).toBe(count);
    nowMs = new Date(2026, 5, 1, 23, 30).getTime();
    onRest = () => (nowMs = new Date(2026, 5, 2, 1, 0).getTime());
    await sweeper.look();
    expect(await conversations()).toBe(count - limits.sweepBatchConversations);
    expect(sweeper.figures.all.get('default')!.left).toBe(limits.sweepBatchConversations);
    nowMs = new Date(2026, 5, 3, 0, 10).getTime();
    onRest = () => undefined;
    await sweeper.look();
    expect(await conversations()).toBe(0);
    await withVault((vault) => store(vault, 'late', { expireTimeMs: nowMs }));
    nowMs += HOUR / 2;
    await sweeper.look();
    expect(await conversations()).toBe(1);
  });

  it('deletes the oldest above a limit, but what is kept, and stops between two batches', async () => {
    await withVault(async (vault) => {
      for (let at = 0; at < 30; at++)
        await store(vault, `c${at}`, at % 10 === 0 ? { metadata: { tag: 'x' } } : {});
    });
    await runtime().apply({ conversationsMax: 20, keep: [{ label: 'tag', value: 'x' }] });
    await createSweeper().look();
    const query = { filter: {}, order: 'oldestFirst', limit: 99, scanLimit: 99 } as const;
    const list = () =>
      withVault(async (vault) => (await vault.list(query)).conversations.map(({ id }) => id));
    expect((await list()).slice(0, 4)).toEqual(['c0', 'c10', 'c12', 'c13']);
    expect(await conversations()).toBe(20);

    const { segmentBytes } = await runtime().backend.stats();
    await runtime().apply({ contentBytesMax: segmentBytes - 1 });
    const sweeper = createSweeper();
    onRest = () => void (sweeper.figures.of('default').swept > 0 && sweeper.stop());
    await sweeper.look();
    expect(await conversations()).toBe(4);
    const stats = await runtime().backend.stats();
    expect(stats.segmentBytes - stats.garbageBytes).toBeLessThan(segmentBytes);
  });

  // The layout of the filesystem storage has no counters.
  if (kind !== 'filesystem')
    it('keeps usage as long as a setting says, whatever becomes of what was counted', async () => {
      const counted = () =>
        withVault(async (vault) => {
          const range = { fromMs: 0, beforeMs: Number.MAX_SAFE_INTEGER, timeZone: '' };
          const rows = await vault.usage({ groupBy: [], labels: [], ...range }, signal);
          return rows.reduce((sum, { figures }) => sum + figures.conversations, 0);
        });
      const look = async (): Promise<void> => {
        nowMs += HOUR;
        await createSweeper().look();
        expect(await runtime().backend.check()).toEqual([]);
      };
      await withVault((vault) => store(vault, 'old'));
      await withVault((vault) => vault.fork({ id: 'old', newId: 'fork' } as never, signal));
      nowMs += 2 * DAY;
      await withVault((vault) => store(vault, 'new'));
      await look();
      expect(await counted()).toBe(3);
      await runtime().apply({ keepUsageMs: DAY });
      await look();
      expect(await counted()).toBe(1);
      expect(await conversations()).toBe(3);
      for (const id of ['old', 'new']) await withVault((vault) => vault.delete(id, { allowMissing: false }));
      await look();
      expect(await counted()).toBe(1);
      nowMs += DAY;
      await look();
      expect(await counted()).toBe(0);
      expect(await runtime().backend.repair?.()).toMatchObject({ remaining: [] });
    });

  // A vault in memory is never closed.
  if (kind !== 'memory')
    it('opens vaults that nobody has open, once a day', async () => {
      for (const name of ['a', 'b', 'c']) {
        await catalogue.create(name, { settings: {}, createTimeMs: nowMs });
        await withVault((vault) => store(vault, 'one', { expireTimeMs: nowMs }), name);
      }
      expect([...vaults.states().keys()]).toEqual(['b', 'c']);
      const sweeper = createSweeper();
      await sweeper.look();
      expect(swept.map(([name]) => name)).toEqual(['b', 'c']);
      nowMs += HOUR;
      await sweeper.look();
      expect(swept.map(([name]) => name)).toEqual(['b', 'c', 'a']);
      const open = [...vaults.states().keys()];
      const begunAgain = async (): Promise<string[]> => {
        const before = new Map([...sweeper.figures.all].map(([name, { beginMs }]) => [name, beginMs]));
        await sweeper.look();
        return [...before.keys()].filter(
          (name) => sweeper.figures.all.get(name)!.beginMs !== before.get(name),
        );
      };
      nowMs += HOUR;
      expect((await begunAgain()).sort()).toEqual(open.sort());
      nowMs += DAY;
      expect((await begunAgain()).sort()).toEqual(['a', 'b', 'c', 'default']);
      sweeper.figures.forget('a');
      expect(sweeper.figures.all.has('a')).toBe(false);
    });
});
