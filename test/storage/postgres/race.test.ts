import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import { holdGate } from '../../../src/storage/postgres/commit/lookup.js';
import { requireGate } from '../../../src/storage/postgres/commit/one-trip.js';
import type { Works } from '../../../src/storage/postgres/commit/works.js';
import { Manifests } from '../../../src/storage/postgres/commit/manifests.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { Presence } from '../../../src/storage/postgres/leases/presence.js';
import type { ManagedBackend, Violation } from '../../../src/storage/index.js';
import { longSegment, storing } from '../../contract/support.js';
import { listOf } from '../../contract/long-lists.js';
import { postgresMissing } from '../../support/postgres.js';
import { randomFrom } from '../../support/random.js';
import { testsAll } from '../../support/sample.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

afterEach(() => vi.restoreAllMocks());

/**
 * Contents that all stores draw from. At each moment some of them are in use, later others: a content is
 * stored, garbage, collected, and stored once more, many times.
 */
const contents = Array.from({ length: 96 }, (_, n) => longSegment(20, n));
const inUse = 24;
/** Contents by which those in use move on, and the time after which. */
const [moved, moveMs] = [12, 400] as const;

/** Does something between what each put from now on has found and what it writes. */
function beforePut(between: (count: number) => Promise<unknown>): void {
  type Put = (this: Manifests, ...args: Parameters<Manifests['put']>) => ReturnType<Manifests['put']>;
  const put: Put = Reflect.get(Manifests.prototype, 'put');
  let count = 0;
  vi.spyOn(Manifests.prototype, 'put').mockImplementation(async function (this: Manifests, ...args) {
    count += 1;
    // A store in one trip does not wait for what it goes by.
    await (Reflect.get(this, 'works') as Works).transaction.flush();
    await between(count);
    return put.apply(this, args);
  });
}

/** Holds some puts open. */
function delaySomePuts(): void {
  beforePut(async (count) => {
    if (count % 6 === 0) await sleep((count * 7) % 60);
  });
}

interface Figures {
  stores: number;
  deletes: number;
  collected: number;
  cut: number;
  unreadable: number;
}

/**
 * Lets several servers store, read, delete and collect the same contents for a while, and cuts connections
 * of theirs at any moment. Every change that is answered is noted.
 */
async function race(vault: SharedVault, ms: number): Promise<Figures> {
  const servers = await Promise.all(Array.from({ length: 3 }, () => vault.open({ beatMs: 20 })));
  const figures: Figures = { stores: 0, deletes: 0, collected: 0, cut: 0, unreadable: 0 };
  const stored = new Set<string>();
  const untilMs = Date.now() + ms;
  let next = 0;
  const work = async (server: ManagedBackend, seed: number) => {
    const draw = randomFrom(seed);
    const kept: string[] = [];
    while (Date.now() < untilMs) {
      const id = `c${next++}`;
      const first = Math.floor(Date.now() / moveMs) * moved;
      const drawn = () => contents[(first + draw.below(inUse)) % contents.length]!;
      const chosen = Array.from({ length: 1 + draw.below(3) }, drawn);
      await server.commit(storing(id, chosen));
      stored.add(id);
      figures.stores += 1;
      kept.push(id);
      // Nothing is kept for long: else no content would ever be garbage.
      while (kept.length > draw.below(4)) {
        const oldest = kept.shift()!;
        stored.delete(oldest);
        await server.commit({ delete: { id: oldest, timeMs: 2 } });
        figures.deletes += 1;
      }
    }
  };
  const collect = async (server: ManagedBackend) => {
    while (Date.now() < untilMs) {
      const { segments } = await server.listGarbage({ limit: 100, garbageBeforeMs: Infinity });
      const keys = segments.map(({ key }) => key);
      const { collect: done } = await server.commit({ collect: { keys, garbageBeforeMs: Infinity } });
      figures.collected += done?.segments ?? 0;
    }
  };
  const fillChunks = async (server: ManagedBackend) => {
    for (const { signal } = new AbortController(); Date.now() < untilMs; await sleep(5))
      await server.defragment!(signal);
  };
  const cut = async () => {
    const database = await Database.open({ url: vault.url, connectionsMax: 1 });
    const text = `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = current_setting('application_name') and pid <> pg_backend_pid()
        and state <> 'idle' limit 2`;
    while (Date.now() < untilMs) {
      await sleep(150);
      figures.cut += (await database.query({ name: '', text })).length;
    }
    await database.close();
  };
  await Promise.all([
    ...servers.flatMap((server, at) => [work(server, 2 * at), work(server, 2 * at + 1)]),
    collect(servers[0]!),
    collect(servers[1]!),
    fillChunks(servers[2]!),
    cut(),
  ]);
  for (const id of stored) {
    const isWhole = await listOf(servers[2]!, id).then(
      (list) => list !== undefined,
      (error: unknown) => {
        if (isStowkenError(error)) return false;
        throw error;
      },
    );
    if (!isWhole) figures.unreadable += 1;
  }
  const { conversations } = await servers[2]!.stats();
  expect(conversations).toBe(stored.size);
  return figures;
}

describe.skipIf(postgresMissing !== undefined)('servers that store what others collect', () => {
  it.each([1, 4])('lose nothing of %i partitions, whenever a connection is cut', async (partitions) => {
    delaySomePuts();
    const vault = await SharedVault.create(partitions);
    const figures = await race(vault, testsAll ? 60_000 : 8_000);
    const checker = await vault.open();
    const violations = await checker.check();
    await vault.close();
    expect(violations).toEqual([]);
    expect(figures.unreadable).toBe(0);
    for (const figure of ['stores', 'deletes', 'collected', 'cut'] as const)
      expect(figures[figure], figure).toBeGreaterThan(0);
  });

  /**
   * Stores something that is garbage, and collects it after the store has found it and before it names it.
   * Resolves to what is wrong then.
   */
  async function collectWhileStored(between: (vault: SharedVault) => Promise<unknown>): Promise<Violation[]> {
    const vault = await SharedVault.create();
    const [one, other] = [await vault.open({ beatMs: 20 }), await vault.open({ beatMs: 20 })];
    const [content] = contents;
    await one.commit(storing('first', [content!]));
    await one.commit({ delete: { id: 'first', timeMs: 2 } });
    const { segments } = await other.listGarbage({ limit: 10, garbageBeforeMs: Infinity });
    let collecting: Promise<unknown> = Promise.resolve();
    beforePut(async () => {
      const keys = segments.map(({ key }) => key);
      collecting = other.commit({ collect: { keys, garbageBeforeMs: Infinity } });
      await Promise.race([collecting, between(vault)]);
    });
    await one.commit(storing('second', [content!]));
    await collecting;
    const violations = await one.check();
    await vault.close();
    return violations;
  }
  const waitsForGate = (vault: SharedVault) =>
    eventually(async () => expect(await vault.waiting('gate')).toBeGreaterThan(0));

  it('keep what a store has found from a collection, which waits for the store', async () => {
    expect(await collectWhileStored(waitsForGate)).toEqual([]);
  });

  it('keep what a store has found from a deletion whose barrier passed before another condemned it', async () => {
    const vault = await SharedVault.create();
    const open = () => vault.open({ beatMs: 20 });
    const [one, deleting, collecting] = [await open(), await open(), await open()];
    const [content] = contents;
    await deleting.commit(storing('first', [content!]));
    // A server that is there keeps the deletion waiting after its barrier.
    await vault.rows(`insert into server (p, id, oldest, beat) values ($1, '${randomUUID()}', 0, now())`);
    const seen = vi.spyOn(Presence.prototype, 'untilOthersSaw');
    const deleted = deleting.commit({ deleteSegments: [content!.hash] });
    await eventually(() => expect(seen).toHaveBeenCalledTimes(1));
    await deleting.commit({ delete: { id: 'first', timeMs: 2 } });
    const { segments } = await collecting.listGarbage({ limit: 10, garbageBeforeMs: Infinity });
    const keys = segments.map(({ key }) => key);
    let collected: Promise<unknown> = Promise.resolve();
    beforePut(async () => {
      collected = collecting.commit({ collect: { keys, garbageBeforeMs: Infinity } });
      await eventually(async () => expect(await vault.waiting('gate')).toBeGreaterThan(0));
      const behind = `select 1 from server where p = $1 and oldest > 0
        and oldest < (select clock from totals where p = $1)`;
      await eventually(async () => expect(await vault.rows(behind)).toEqual([]));
      await vault.rows('update server set oldest = 1000000 where oldest = 0 and p = $1');
      await deleted;
    });
    await one.commit(storing('second', [content!]));
    await collected;
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  /**
   * Puts a content into chunks that one server stored after another's store has looked for it, before that
   * writes it. Resolves to what is wrong then.
   */
  async function chunksWhileStored(between: (vault: SharedVault) => Promise<unknown>) {
    const vault = await SharedVault.create();
    const [one, other] = [await vault.open({ beatMs: 20 }), await vault.open({ beatMs: 20 })];
    const [content] = contents;
    let filling: Promise<unknown> = Promise.resolve();
    beforePut(async (count) => {
      if (count !== 1) return;
      await other.commit(storing('second', [content!]));
      filling = other.defragment!(new AbortController().signal);
      await Promise.race([filling, between(vault)]);
    });
    await one.commit(storing('first', [content!]));
    await filling;
    const violations = await one.check();
    await vault.close();
    return violations;
  }

  it('keep one entry of a content in the index by hash', async () => {
    expect(await chunksWhileStored(waitsForGate)).toEqual([]);
  });

  /** Does something with gates that hold nobody. */
  async function withoutGate(work: () => Promise<void>): Promise<void> {
    const kept = [{ ...holdGate }, { ...requireGate }] as const;
    const text = 'select $2::int g, 0 clock where $1::int is not null';
    Object.assign(holdGate, { name: 'gate_off', text });
    Object.assign(requireGate, { name: 'gate_off_too', text });
    try {
      await work();
    } finally {
      Object.assign(holdGate, kept[0]);
      Object.assign(requireGate, kept[1]);
    }
  }

  it('would lose it without the gate, or have two entries', () =>
    withoutGate(async () => {
      const lost = await collectWhileStored(() => new Promise(() => {}));
      expect(lost).toContainEqual(expect.objectContaining({ invariant: 'manifest-segments' }));
      vi.restoreAllMocks();
      const twice = await chunksWhileStored(() => new Promise(() => {}));
      expect(twice).toContainEqual(expect.objectContaining({ invariant: 'hash-index' }));
    }));
});
