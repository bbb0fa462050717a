import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Database } from '../../../src/storage/postgres/database/database.js';
import type { Row, Statement, Value } from '../../../src/storage/postgres/database/driver.js';
import { Transaction } from '../../../src/storage/postgres/database/transaction.js';
import { uuidOf } from '../../../src/storage/postgres/formats/ids.js';
import type { Change, SegmentKey } from '../../../src/storage/index.js';
import { longSegment, message, spec, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { SharedVault } from './support.js';

type Rows = readonly (readonly Row[])[];
const missing = postgresMissing !== undefined;

describe.skipIf(missing).each([1, 4])('a retrieve from %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    // No beat comes between.
    [one, other] = [await vault.open({ beatMs: 600_000 }), await vault.open({ beatMs: 600_000 })];
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  /** Reads a conversation as a retrieve does. Resolves to the hashes of its segments, and the trips. */
  async function retrieve(id: string, tokens = 1_000) {
    const trips = vi.spyOn(Database.prototype, 'queries');
    const alone = vi.spyOn(Database.prototype, 'query');
    const snapshot = await other.openConversation(id, { tokens });
    const messages = await snapshot!.read(0, 1_000);
    const keys: SegmentKey[] = messages.flatMap(({ segments }) => segments.map(({ key }) => key));
    const frames = await snapshot!.readFrames!(keys);
    snapshot!.release();
    // A list of one statement is asked as one by itself.
    const made = alone.mock.calls.length + trips.mock.calls.filter(([asked]) => asked.length > 1).length;
    vi.restoreAllMocks();
    return { hashes: frames.map((frame) => other.codec.hashOf(frame)), trips: made };
  }
  const segments = Array.from({ length: 12 }, (_, n) => longSegment(20, n));
  const hashes = segments.map(({ hash }) => hash);

  it('takes one trip, also of what others stored first and what was appended', async () => {
    const shared = segments.slice(0, 4);
    await one.commit(storing('first', shared));
    await one.commit(storing('second', shared.slice(0, 3)));
    for (const added of segments.slice(4))
      await one.commit({
        newSegments: [added],
        append: { id: 'second', messages: [message('user', added)], timeMs: 2_000 },
      });
    expect(await retrieve('second')).toEqual({
      hashes: [...hashes.slice(0, 3), ...hashes.slice(4)],
      trips: 1,
    });
    // Only the beginning comes with it; the rest is asked for.
    const some = await retrieve('second', 30);
    expect(some.hashes).toEqual([...hashes.slice(0, 3), ...hashes.slice(4)]);
    expect(some.trips).toBeGreaterThan(1);
  });

  it('takes one trip for the last tokens, of which one knows but their number', async () => {
    await one.commit(storing('grown', segments.slice(0, 3)));
    const ends = async () => {
      const trips = vi.spyOn(Database.prototype, 'queries');
      const alone = vi.spyOn(Database.prototype, 'query');
      const snapshot = await other.openConversation('grown', { tokens: 30, last: true });
      const { totalTokens } = snapshot!.conversation;
      const { message: first } = await snapshot!.locate(totalTokens - 31);
      const messages = await snapshot!.read(first, 100);
      const keys = messages.flatMap((each) => each.segments.map(({ key }) => key));
      const frames = await snapshot!.readFrames!(keys);
      snapshot!.release();
      expect(trips.mock.calls.length + alone.mock.calls.length).toBe(1);
      vi.restoreAllMocks();
      return frames.map((frame) => other.codec.hashOf(frame)).slice(-2);
    };
    expect(await ends()).toEqual(hashes.slice(1, 3));
    for (let at = 3; at < 8; at++) {
      await one.commit({
        newSegments: [segments[at]!],
        append: { id: 'grown', messages: [message('user', segments[at]!)], timeMs: 2_000 },
      });
      expect(await ends()).toEqual(hashes.slice(at - 1, at + 1));
    }
  });

  it('takes one trip for the last tokens of a long list too', async () => {
    await one.commit(storing('long', segments.slice(0, 2)));
    for (let at = 2; at < 60; at++)
      await one.commit({
        newSegments: [segments[at % 12]!],
        append: { id: 'long', messages: [message('user', segments[at % 12]!)], timeMs: 2_000 },
      });
    const trips = vi.spyOn(Database.prototype, 'queries');
    const alone = vi.spyOn(Database.prototype, 'query');
    const snapshot = await other.openConversation('long', { from: 1_150, tokens: 1_000 });
    const { message: first, tokensBefore } = await snapshot!.locate(1_149);
    expect([first, tokensBefore]).toEqual([57, 1_140]);
    const messages = await snapshot!.read(first, 100);
    const keys = messages.flatMap((each) => each.segments.map(({ key }) => key));
    const frames = await snapshot!.readFrames!(keys);
    snapshot!.release();
    expect(frames.map((frame) => other.codec.hashOf(frame))).toEqual(
      [57, 58, 59].map((at) => segments[at % 12]!.hash),
    );
    expect([trips.mock.calls.length, alone.mock.calls.length]).toEqual([1, 0]);
  });

  it('reads forks, and conversations without messages', async () => {
    await one.commit(storing('x', segments));
    await one.commit(storing('empty', []));
    for (const newId of ['f1', 'f2', 'f3'])
      await one.commit({ fork: { id: 'x', newId, messageCount: 5, timeMs: 2_000 } });
    for (const id of ['f1', 'f2', 'f3']) expect((await retrieve(id)).hashes).toEqual(hashes.slice(0, 5));
    expect(await other.openConversation('none', { tokens: 10 })).toBeUndefined();
    const snapshot = await other.openConversation('empty', { tokens: 10 });
    expect(await snapshot!.read(0, 10)).toEqual([]);
    snapshot!.release();
  });

  it('reads one revision, whatever comes between its statements', async () => {
    await one.commit(storing('x', segments.slice(0, 2)));
    type Queries = (
      this: Database,
      all: readonly (readonly [Statement, readonly Value[]])[],
    ) => Promise<Rows>;
    const asked: Queries = Reflect.get(Database.prototype, 'queries');
    vi.spyOn(Database.prototype, 'queries').mockImplementationOnce(async function (this: Database, all) {
      const heads = await asked.call(this, all.slice(0, 1));
      await one.commit({
        newSegments: segments.slice(4, 6),
        put: {
          spec: spec('x'),
          messages: segments.slice(4, 6).map((each) => message('user', each)),
          expect: { kind: 'revision', revision: 1 },
          timeMs: 3_000,
        },
      });
      return [...heads, ...(await asked.call(this, all.slice(1)))];
    });
    expect((await retrieve('x')).hashes).toEqual(hashes.slice(0, 2));
    expect((await retrieve('x')).hashes).toEqual(hashes.slice(4, 6));
  });
});

describe.skipIf(missing).each([1, 4])('a delete in %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    one = await vault.open({ beatMs: 600_000 });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  /** Commits, and returns how often questions were asked after answers; the commit is one more trip. */
  async function asked(change: Change) {
    type Query = Transaction['query'];
    const query: Query = Reflect.get(Transaction.prototype, 'query');
    let [trips, isAnswered] = [0, true];
    vi.spyOn(Transaction.prototype, 'query').mockImplementation(async function (this: Transaction, ...args) {
      if (isAnswered) trips += 1;
      isAnswered = false;
      const rows = await query.apply(this, args);
      isAnswered = true;
      return rows;
    });
    const result = await one.commit(change);
    vi.restoreAllMocks();
    return { result, trips };
  }

  it('takes four trips, also of what was appended to', async () => {
    const [a, b, c] = [longSegment(20, 1), longSegment(20, 2), longSegment(20, 3)];
    await one.commit(storing('x', [a, b]));
    await one.commit(storing('y', [b]));
    await one.commit({
      newSegments: [c],
      append: { id: 'x', messages: [message('user', c)], timeMs: 2_000 },
    });
    const { result, trips } = await asked({ delete: { id: 'x', timeMs: 3_000 } });
    expect(trips).toBe(3);
    const garbageSegments = partitions === 1 ? 2 : (expect.any(Number) as number);
    expect(result.delete).toEqual({ releasedReferences: 3, garbageSegments });
  });

  it('counts the garbage of a list that the same change adds to', async () => {
    const [a, b] = [longSegment(20, 1), longSegment(20, 2)];
    await one.commit(storing('x', [a]));
    const append = { id: 'x', messages: [message('user', b)], timeMs: 2_000 };
    const { result } = await asked({ newSegments: [b], append, delete: { id: 'x', timeMs: 3_000 } });
    expect(result.delete).toEqual({ releasedReferences: 2, garbageSegments: 2 });
    await one.commit(storing('y', [a]));
    await one.commit({ fork: { id: 'y', newId: 'z', messageCount: 1, timeMs: 2_000 } });
    expect((await one.commit({ delete: { id: 'z', timeMs: 3_000 } })).delete).toEqual({
      releasedReferences: 1,
      garbageSegments: 0,
    });
  });
});

describe.skipIf(missing).each([1, 4])('a store in %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    [one, other] = [await vault.open({ beatMs: 600_000 }), await vault.open({ beatMs: 600_000 })];
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  /** Commits, and returns the transactions that it took and the questions that it waited for. */
  async function made(backend: typeof one, change: Change) {
    const transactions = vi.spyOn(Database.prototype, 'transact');
    const questions = vi.spyOn(Transaction.prototype, 'query');
    const alone = vi.spyOn(Database.prototype, 'query');
    const result = await backend.commit(change);
    const counts = [transactions, questions, alone].map(({ mock }) => mock.calls.length);
    vi.restoreAllMocks();
    return { result, counts };
  }
  const oneTrip = [1, 0, 0];
  const [prompt, ...others] = Array.from({ length: 6 }, (_, n) => longSegment(20, n));
  /** Ids of one partition. */
  const ids = Array.from({ length: 64 }, (_, n) => `c${n}`).filter(
    (id) => parseInt(uuidOf(id).slice(0, 8), 16) % partitions === 0,
  );

  it('takes one trip, also where it names a prompt that was stored', async () => {
    const first = await made(one, storing(ids[0]!, [prompt!, others[0]!]));
    expect(first.counts).toEqual(oneTrip);
    expect(first.result.put).toMatchObject({ newSegments: 2, segments: 2 });
    const second = await made(one, {
      ...storing(ids[1]!, [prompt!, others[1]!]),
      newSegments: [others[1]!],
      request: { id: 'r', digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 },
    });
    expect(second).toMatchObject({ counts: oneTrip, result: { put: { newSegments: 1, segments: 2 } } });
  });

  it('begins once more if another has stored what it brings, and knows it then', async () => {
    await one.commit(storing(ids[0]!, [prompt!]));
    const met = await made(other, storing(ids[1]!, [prompt!, others[0]!]));
    expect(met.counts).not.toEqual(oneTrip);
    expect(met.result.put).toMatchObject({ newSegments: 1, segments: 2 });
    expect(await made(other, storing(ids[2]!, [prompt!, others[1]!]))).toMatchObject({ counts: oneTrip });
  });

  it('goes by nothing that it saw before every connection was lost, and commits with them', async () => {
    await one.commit(storing(ids[0]!, [prompt!]));
    const naming = (id: string): Change => ({ ...storing(id, [prompt!]), newSegments: [] });
    expect((await made(one, naming(ids[1]!))).counts).toEqual(oneTrip);
    // As a standby that takes over without the latest commits.
    for (const table of ['conv', 'delta', 'kind', 'ref', 'hx', 'part'])
      await vault.rows(`delete from ${table} where p >= $1 and p < $1 + ${partitions}`);
    await vault.rows(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = current_setting('application_name') and pid <> pg_backend_pid() and $1::int > 0`);
    await expect(one.commit(naming(ids[2]!))).rejects.toMatchObject({ reason: 'SEGMENT_MISSING' });
    expect((await one.commit(storing(ids[2]!, [prompt!]))).put).toMatchObject({ newSegments: 1 });
  });

  it('is refused, repeated, or answered as before as other stores are', async () => {
    const request = { id: 'r', digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 };
    const change = { ...storing(ids[0]!, [prompt!]), request };
    const { put } = await one.commit(change);
    expect(await other.commit(change)).toMatchObject({ replayed: true, put: { segments: put!.segments } });
    expect((await other.commit(storing(ids[0]!, [prompt!]))).put).toMatchObject({ unchanged: true });
    await expect(other.commit(storing(ids[0]!, [others[0]!]))).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
    });
    // Now a segment is collected that the other believes to be stored.
    await one.commit({ delete: { id: ids[0]!, timeMs: 2_000 } });
    const garbage = await one.listGarbage({ limit: 10, garbageBeforeMs: Infinity });
    const keys = garbage.segments.map(({ key }) => key);
    await one.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    const naming = { ...storing(ids[1]!, [prompt!]), newSegments: [] };
    const outcome = await other.commit(naming).catch((error: unknown) => error);
    expect(outcome).toSatisfy(
      (each: { reason?: string; put?: object }) =>
        each.put !== undefined || each.reason === 'SEGMENT_MISSING',
    );
    expect((await other.commit(storing(ids[2]!, [prompt!]))).put).toMatchObject({ segments: 1 });
  });

  it('counts the tokens that others begin with, whether it guesses them or not', async () => {
    const blocks = (...names: number[]) => Buffer.from(names.flatMap((name) => [name, 1, 2, 3]));
    const long = Array.from({ length: 6 }, (_, n) => longSegment(1_100, n));
    const store = (id: string, n: number, prefix: Buffer) => {
      const change = storing(id, [long[n]!]);
      return { ...change, put: { ...change.put!, prefix } };
    };
    const prefixTokens = async () => {
      let sum = 0;
      await one.usage!({ fromMs: 0, beforeMs: 1e15, onRow: ({ figures }) => (sum += figures.prefixTokens) });
      return sum;
    };
    await one.commit(store(ids[0]!, 0, blocks(1, 2, 3)));
    expect(await prefixTokens()).toBe(0);
    expect((await made(one, store(ids[1]!, 1, blocks(1, 2, 9)))).counts).toEqual(oneTrip);
    expect(await prefixTokens()).toBe(2 * 256);
    // This server knows nothing of them: its guess is none.
    await other.commit(store(ids[2]!, 2, blocks(1, 2, 9, 4)));
    expect(await prefixTokens()).toBe(5 * 256);
    await one.commit({ delete: { id: ids[1]!, timeMs: 2_000 } });
    await one.commit({ delete: { id: ids[2]!, timeMs: 2_000 } });
    // The one whose third block is the same is gone.
    await one.commit(store(ids[3]!, 3, blocks(1, 2, 9)));
    expect(await prefixTokens()).toBe(7 * 256);
  });

  it('guesses right where it was wrong before, whatever else it has stored since', async () => {
    const blocks = (...names: number[]) => Buffer.from(names.flatMap((name) => [name, 1, 2, 3]));
    const [apple, pear, plum] = [blocks(1, 2, 3), blocks(1, 2, 4), blocks(1, 5, 6)];
    const long = longSegment(1_100, 1);
    const store = (n: number, prefix: Buffer) => {
      const change = storing(ids[n]!, [long]);
      return { ...change, put: { ...change.put!, prefix } };
    };
    // The server that is to guess knows nothing of this one.
    await one.commit(store(0, apple));
    await other.commit(storing(ids[1]!, [long]));
    expect((await made(other, store(2, pear))).counts).not.toEqual(oneTrip);
    expect((await made(other, store(3, apple))).counts).not.toEqual(oneTrip);
    let n = 4;
    for (const again of [pear, apple, plum, pear, apple, plum])
      expect((await made(other, store(n++, again))).counts).toEqual(oneTrip);
  });
});
