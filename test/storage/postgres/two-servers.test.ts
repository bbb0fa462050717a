import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { frameRegistryId, trainHere } from '../../../src/codec/index.js';
import { sampleSegments } from '../../codec/samples.js';
import { listOf } from '../../contract/long-lists.js';
import { core, longSegment, message, segment, storing } from '../../contract/support.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { gateRows } from '../../../src/storage/postgres/commit/lookup.js';
import { int } from '../../../src/storage/postgres/database/driver.js';
import { gateNumber } from '../../../src/storage/postgres/schema/kinds.js';
import { postgresMissing } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

describe.skipIf(postgresMissing !== undefined)('two servers on one vault', () => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create();
    [one, other] = [await vault.open(), await vault.open()];
  });
  afterEach(async () => {
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });
  const garbage = async (backend = one) =>
    (await backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity })).segments.map(({ key }) => key);

  it('see what each other stored, and store what they share once', async () => {
    const [a, b, c] = [segment(1, 2), segment(3, 4), segment(5)];
    expect(one.vaultId).toBe(other.vaultId);
    await one.commit(storing('x', [a, b]));
    const { put } = await other.commit(storing('y', [a, c]));
    expect(put).toMatchObject({ segments: 2, newSegments: 1 });
    expect(await one.getConversation('y')).toMatchObject({ revision: 1, messageCount: 2 });
    await one.commit({ append: { id: 'y', messages: [message('user', c)], timeMs: 2 } });
    expect(await listOf(other, 'y')).toHaveLength(3);
    await expect(
      other.commit({ append: { id: 'y', messages: [], revision: 1, timeMs: 2 } }),
    ).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    expect(await one.stats()).toEqual({ ...(await other.stats()), fileBytes: expect.any(Number) as number });
  });

  it('store the same at the same moment, in many conversations and in one', async () => {
    const shared = Array.from({ length: 8 }, (_, n) => longSegment(40, n));
    const store = (n: number) => (n % 2 ? one : other).commit(storing(`c${n >> 1}`, shared));
    const results = await Promise.all(Array.from({ length: 60 }, (_, n) => store(n)));
    expect(results.filter(({ put }) => put?.unchanged)).toHaveLength(30);
    expect(results.reduce((sum, { put }) => sum + (put?.newSegments ?? 0), 0)).toBe(8);
    expect(await other.stats()).toMatchObject({ conversations: 30, segments: 8, garbageSegments: 0 });
  });

  it('append to one conversation without a lost or doubled message', async () => {
    await one.commit(storing('x', []));
    const append = (n: number) =>
      (n % 2 ? one : other).commit({
        newSegments: [segment(n)],
        append: { id: 'x', messages: [message('user', segment(n))], timeMs: 2 },
      });
    await Promise.all(Array.from({ length: 40 }, (_, n) => append(n)));
    expect(await one.getConversation('x')).toMatchObject({ revision: 41, messageCount: 40 });
    const list = await listOf(other, 'x');
    expect(new Set(list!.map(({ segments }) => segments[0]!.hash)).size).toBe(40);
  });

  it('make a request of one id once', async () => {
    const request = { id: 'r', digest: '0'.repeat(32), timeMs: Date.now(), notBeforeMs: Date.now() - 1e6 };
    await one.commit(storing('x', []));
    const append = { id: 'x', messages: [message('user')], timeMs: 0 };
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, n) => (n % 2 ? one : other).commit({ append, request })),
    );
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await one.getConversation('x')).toMatchObject({ revision: 2 });
  });

  it('repeat a request, and no precondition, that the other made while its conversation was waited for', async () => {
    await one.commit(storing('x', []));
    const request = { id: 'r', digest: '0'.repeat(32), timeMs: Date.now(), notBeforeMs: Date.now() - 1e6 };
    const append = { id: 'x', messages: [message('user')], revision: 1, timeMs: 2 };
    const all = await vault.whileLocked('conv', 2, () => [
      one.commit({ append, request }),
      other.commit({ append, request }),
    ]);
    expect(all.map(({ append: made }) => made?.conversation.revision)).toEqual([2, 2]);
    expect(all.filter(({ replayed }) => replayed)).toHaveLength(1);
  });

  it('find the content that the other stored while its conversation was waited for', async () => {
    await one.commit(storing('x', [segment(1)]));
    const put = storing('x', [segment(2), segment(3)]);
    const all = await vault.whileLocked('conv', 2, () => [
      one.commit({ ...put, put: { ...put.put!, expect: { kind: 'revision', revision: 1 } } }),
      // Comes after the other one, as the locks of a row are given.
      sleep(300).then(() => other.commit(put)),
    ]);
    expect(all.map(({ put: made }) => [made?.conversation.revision, made?.unchanged])).toEqual([
      [2, false],
      [2, true],
    ]);
  });

  it('count nothing of what a change only touched', async () => {
    const [kept, added] = [longSegment(30, 1), longSegment(30, 2)];
    await one.commit(storing('x', [kept]));
    const longer = storing('x', [kept, added]);
    await other.commit({ ...longer, put: { ...longer.put!, expect: { kind: 'revision', revision: 1 } } });
    await one.commit({ collect: { keys: [], garbageBeforeMs: Infinity } });
    expect(await vault.rows('select n, since from ref where p = $1')).toEqual([]);
    // It is garbage from the time on at which it lost its reference.
    await other.commit({ delete: { id: 'x', timeMs: 2 } });
    expect(await garbage()).toHaveLength(2);
  });

  it('leave what the other reads, and collect it after', async () => {
    const a = longSegment(30, 1);
    await one.commit(storing('x', [a]));
    const snapshot = await other.openConversation('x');
    await one.commit({ delete: { id: 'x', timeMs: 2 } });
    const keys = await garbage();
    expect(keys).toHaveLength(1);
    const kept = await one.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(kept.collect?.segments).toBe(0);
    const [only] = await snapshot!.read(0, 10);
    const frames = await snapshot!.readFrames!(only!.segments.map(({ key }) => key));
    expect(other.codec.hashOf(frames[0]!)).toBe(a.hash);
    snapshot!.release();
    const { collect } = await one.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect?.segments).toBe(1);
  });

  it('leave what one may read that was killed, and do not wait for it', async () => {
    const own = await SharedVault.create();
    // The second one writes no beat but its first.
    const [left] = [await own.open(), await own.open({ beatMs: 600_000 })];
    await left.commit(storing('x', [longSegment(30, 1)]));
    await left.commit({ delete: { id: 'x', timeMs: 2 } });
    const keys = await garbage(left);
    const killedAgo = (seconds: number) =>
      own.rows(`update server set beat = now() - make_interval(secs => ${seconds}) where p = $1`);
    await killedAgo(10);
    const asked = vi.spyOn(Database.prototype, 'query');
    const kept = await left.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    const looks = asked.mock.calls.filter(([{ name }]) => name === 'servers_oldest');
    vi.restoreAllMocks();
    expect(kept.collect?.segments).toBe(0);
    // It looks for whom to wait, and for what may be read.
    expect(looks).toHaveLength(2);
    await killedAgo(50);
    const { collect } = await left.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect?.segments).toBe(1);
    expect(await left.check()).toEqual([]);
    await own.close();
  });

  it('refuse to read on when one was taken for gone, also when it is back', async () => {
    const own = await SharedVault.create();
    const left = await own.open();
    await left.commit(storing('x', [longSegment(30, 1)]));
    const back = await own.open({ beatMs: 20 });
    const readers = [await back.openConversation('x'), await back.openConversation('x')];
    const [message] = await readers[0]!.read(0, 1);
    // No beat of its arrives, as when its process is stopped, or cut off.
    type Query = (...asked: Parameters<Database['query']>) => ReturnType<Database['query']>;
    const query: Query = Reflect.get(Database.prototype, 'query');
    let isCut = true;
    const beats = vi.spyOn(Database.prototype, 'query').mockImplementation(async function (
      this: Database,
      ...asked
    ) {
      if (isCut && asked[0].name === 'server_beat') throw new Error('connection cut');
      return query.apply(this, asked);
    });
    await left.commit({ delete: { id: 'x', timeMs: 2 } });
    const keys = await garbage(left);
    await eventually(async () => {
      // A beat of before may still arrive.
      await own.rows(`update server set beat = now() - make_interval(secs => 50) where p = $1`);
      const { collect } = await left.commit({ collect: { keys, garbageBeforeMs: Infinity } });
      expect(collect?.segments).toBe(1);
    });
    const now = Date.now;
    const later = vi.spyOn(Date, 'now').mockImplementation(() => now() + 50_000);
    isCut = false;
    const isBack = `select 1 from server where p = $1 and beat > now() - make_interval(secs => 5)`;
    await eventually(async () => expect(await own.rows(isBack)).toHaveLength(1));
    const beaten = () => beats.mock.calls.filter(([{ name }]) => name === 'servers_forget').length;
    const before = beaten();
    await eventually(() => expect(beaten()).toBeGreaterThan(before + 1));
    const refused = { reason: 'STORAGE_UNAVAILABLE' };
    await expect(readers[1]!.read(0, 1)).rejects.toMatchObject(refused);
    await expect(readers[1]!.locate(3)).rejects.toMatchObject(refused);
    const places = message!.segments.map(({ key }) => key);
    await expect(readers[0]!.readFrames!(places)).rejects.toMatchObject(refused);
    later.mockRestore();
    beats.mockRestore();
    for (const reader of readers) reader!.release();
    // Those that begin now read.
    await left.commit(storing('y', [longSegment(30, 2)]));
    expect(await listOf(back, 'y')).toHaveLength(1);
    expect(await left.check()).toEqual([]);
    await own.close();
  });

  it('store while a collection waits for a server that hangs in a change', async () => {
    await one.commit(storing('x', [longSegment(30, 1)]));
    await one.commit({ delete: { id: 'x', timeMs: 2 } });
    const keys = await garbage();
    const database = await Database.open({ url: vault.url, connectionsMax: 1 });
    const [p] = await vault.rows('select $1::int p');
    const hanging = `select 1 from gate where p = $1 and ${gateNumber} = ${gateRows - 1} for share`;
    const collecting = await database.transact(async (transaction) => {
      await transaction.query({ name: '', text: hanging }, [int(p?.['p'])]);
      const commit = one.commit({ collect: { keys, garbageBeforeMs: Infinity } });
      await eventually(async () => expect(await vault.waiting('gate')).toBe(1));
      // The gates before the one that is held are the barrier's, and others' in between.
      for (let n = 0; n < 3; n++) await other.commit(storing(`y${n}`, [longSegment(30, n + 2)]));
      return { commit };
    });
    expect((await collecting.commit).collect?.segments).toBe(1);
    await database.close();
  });

  it('say in words that a statement was kept waiting too long', async () => {
    const database = await Database.open({ url: vault.url, connectionsMax: 1 });
    const late = database.transact(async (transaction) => {
      transaction.send({ name: '', text: 'set local statement_timeout = 10' });
      await transaction.query({ name: '', text: 'select pg_sleep(600)' });
    });
    await expect(late).rejects.toMatchObject({
      reason: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('did not answer in time') as string,
    });
    await database.close();
  });

  it('revive what the other condemned', async () => {
    const a = longSegment(30, 1);
    await one.commit(storing('x', [a]));
    await one.commit({ delete: { id: 'x', timeMs: 2 } });
    const snapshot = await other.openConversation('none');
    expect(snapshot).toBeUndefined();
    const release = other.lease();
    const keys = await garbage();
    // Condemned, and left because of the other server's lease.
    expect((await one.commit({ collect: { keys, garbageBeforeMs: Infinity } })).collect?.segments).toBe(0);
    expect((await other.commit(storing('y', [a]))).put).toMatchObject({ newSegments: 0 });
    release();
    expect((await one.commit({ collect: { keys, garbageBeforeMs: Infinity } })).collect?.segments).toBe(0);
    expect(await listOf(one, 'y')).toHaveLength(1);
  });

  it('read frames of registries that the other registered', async () => {
    const runs = sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens));
    const registry = trainHere(core.module, runs, { id: 1 });
    await one.commit({ putRegistry: { bytes: registry, timeMs: 1 } });
    const long = sampleSegments(300, 1).find(({ length }) => length >= 30)!;
    const plain = segment(...long);
    const coded = { ...plain, frame: one.codec.encode(core.fromTokens(long)) };
    expect(frameRegistryId(coded.frame)).toBe(1);
    await one.commit(storing('x', [coded]));
    const [found] = await other.findSegments([coded.hash]);
    const [frame] = await other.readFrames([found!.key]);
    expect(other.codec.hashOf(frame!)).toBe(plain.hash);
  });

  it('drop no registry that the other has marked since the barrier', async () => {
    const runs = sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens));
    await one.commit({ putRegistry: { bytes: trainHere(core.module, runs, { id: 1 }), timeMs: 1 } });
    const dropping = async () =>
      (await vault.rows('select dropping from registry where p = $1'))[0]?.['dropping'];
    const drop = () => [one.commit({ dropRegistries: [1] })];
    // The other one takes the mark back, lets a store use the registry, and marks it once more, for itself.
    const [dropped] = await vault.whileLocked('gate', 1, drop, async () => {
      expect(int(await dropping())).toBeGreaterThan(0);
      await vault.rows('update registry set dropping = dropping + 7 where p = $1');
    });
    expect(dropped?.dropRegistries).toEqual([]);
    // Its mark stays: the store is over by its own barrier.
    expect(int(await dropping())).toBeGreaterThan(7);
    expect((await other.commit({ dropRegistries: [1] })).dropRegistries).toEqual([1]);
  });

  it('have an exclusive lease one at a time', async () => {
    const lease = await one.tryLease!('compaction');
    expect(await other.tryLease!('compaction')).toBeUndefined();
    await lease!.release();
    const second = await other.tryLease!('compaction');
    expect(second?.lost.aborted).toBe(false);
    await second!.release();
  });
});
