import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BOARD_KEY,
  dropBoard,
  encodeBoard,
  entriesWith,
  readBoard,
  readRisen,
  writeBoard,
} from '../../../../src/storage/lmdb/board/board.js';
import { isTooShort } from '../../../../src/storage/lmdb/board/board-query.js';
import { readState } from '../../../../src/storage/lmdb/tables/meta.js';
import { message, spec } from '../../../contract/support.js';
import { collectAll } from '../../../support/vault.js';
import { BoardBench, segmentOf, signal, small } from './support.js';

let bench: BoardBench;

beforeEach(async () => {
  bench = await BoardBench.create();
});
afterEach(async () => {
  expect(await bench.backend.check()).toEqual([]);
  await bench.remove();
});

describe('the times of the uses of a segment', () => {
  it('cost the conversations between the first and the last one with it', async () => {
    await bench.open();
    const uses = Array.from({ length: 10 }, (_, at) => 300 + 2 * at);
    for (let at = 0; at < 600; at++)
      await bench.store(`c${at}`, [...(uses.includes(at) ? [7] : []), 1000 + at], 10_000 + at);
    const timesMs = uses.map((at) => 10_000 + at);
    expect(await bench.useTimes(7)).toEqual({ timesMs, looked: 19 });
    // Conversations before the first one can get it too: they are looked at last.
    const append = { id: 'c5', messages: [message('tool', segmentOf(7))], timeMs: 20_000 };
    await bench.backend.commit({ append });
    expect(await bench.useTimes(7)).toEqual({ timesMs: [10_005, ...timesMs], looked: 306 });
    await bench.backend.commit({ addReferences: [{ hash: segmentOf(7).hash, holder: 'holder' }] });
    expect((await bench.useTimes(7)).looked).toBe(306);
    const key = (await bench.backend.findSegments([segmentOf(7).hash]))[0]!.key;
    const expiry = { nowMs: 20_000, lifetimes: { lifetimeMs: 9_690, rules: [], keep: [] } };
    const parts = await collectAll(bench.backend.useTimes!({ key, expiry, signal }));
    expect(parts.flatMap(({ createTimesMs }) => createTimesMs)).toEqual(
      timesMs.filter((each) => each > 10_310),
    );
  });

  it('count forks that share the blocks of a list, and those that were cut off', async () => {
    await bench.open();
    const id = 'a';
    await bench.store(id, [7, ...Array.from({ length: 3000 }, (_, at) => 1000 + (at % 500))], 10_000);
    for (let at = 1; at <= 3; at++) {
      await bench.store(`other ${at}`, [at], 10_000 + at);
      const messageCount = at === 2 ? 1 : undefined;
      await bench.backend.commit({ fork: { id, newId: `fork ${at}`, messageCount, timeMs: 20_000 + at } });
    }
    const forkTimesMs = [20_001, 20_002, 20_003];
    expect((await bench.useTimes(7)).timesMs).toEqual([10_000, ...forkTimesMs]);
    await bench.backend.commit({ delete: { id, timeMs: 30_000 } });
    expect((await bench.useTimes(7)).timesMs).toEqual(forkTimesMs);
    await bench.store('last', [8], 40_000);
    expect((await bench.useTimes(7)).timesMs).toEqual(forkTimesMs);
  });

  it('count conversations that cannot be read', async () => {
    await bench.open();
    for (let at = 0; at < 6; at++) await bench.store(`c${at}`, [7, 1000 + at], 10_000 + at);
    await bench.spoil(({ conversations }) => conversations.hot.put(3, Buffer.of(255)));
    const key = (await bench.backend.findSegments([segmentOf(7).hash]))[0]!.key;
    const parts = await collectAll(bench.backend.useTimes!({ key, signal }));
    // A busy machine gives them in several parts.
    const timesMs = parts.flatMap(({ createTimesMs }) => createTimesMs);
    expect(timesMs).toEqual([0, 1, 3, 4, 5].map((at) => 10_000 + at));
    expect(parts.reduce((sum, { damaged }) => sum + damaged, 0)).toBe(1);
    await bench.backend.repair();
    await bench.backend.commit({ delete: { id: 'c2', timeMs: 20_000 } }).catch(() => undefined);
  });
});

describe('the board of shared segments', () => {
  it('names the first and the last conversation with a segment, and another one when they are gone', async () => {
    await bench.open();
    for (let at = 0; at < 40; at++) await bench.store(`c${at}`, [7, 1000 + at], 10_000 + at);
    const top = async () => (await bench.shared('references', 1))[0]!;
    expect(await top()).toMatchObject({
      references: 40,
      firstMs: 10_000,
      lastMs: 10_039,
      holder: { conversationId: 'c0', messageIndex: 0, role: 'user' },
    });
    // As if slices had entered the uses.
    await bench.spoil(({ meta }) => {
      const { lastConversation: to, nextSegment } = readState(meta);
      const uses = { firstNumber: 1, firstMs: 10_000, lastNumber: 40, lastMs: 10_039 };
      const entries = entriesWith(readBoard(meta)!.entries, readRisen(meta)).map((entry) => ({
        ...entry,
        uses,
      }));
      writeBoard(meta, { ...readBoard(meta)!, to, nextSegment, entries });
    });
    for (const at of [0, 39]) await bench.backend.commit({ delete: { id: `c${at}`, timeMs: 20_000 } });
    const { references, firstMs, lastMs, holder } = await top();
    expect({ references, firstMs, lastMs }).toEqual({ references: 38, firstMs: 10_000, lastMs: 10_039 });
    expect(holder?.conversationId).toMatch(/^c([1-9]|[123][0-9])$/);
  });

  it('finds the first use of a segment that is shared late', async () => {
    await bench.open();
    for (let at = 0; at < 300; at++)
      await bench.store(`c${at}`, at === 100 ? [7, 1100] : [1000 + at], 10_000 + at);
    // As if the board had the uses of these: then the first one is looked for.
    await bench.spoil(({ meta }) => {
      const { lastConversation: to, nextSegment } = readState(meta);
      writeBoard(meta, { ...readBoard(meta)!, to, nextSegment });
    });
    await bench.store('late', [7], 20_000);
    expect((await bench.shared('references', 1))[0]).toMatchObject({
      references: 2,
      firstMs: 10_100,
      lastMs: 20_000,
      holder: { conversationId: 'c100', messageIndex: 0 },
    });
  });

  /** Returns first and last use of each shared segment that has so many tokens at least. */
  const uses = async () => {
    const found = await bench.shared('references', 1000);
    return found.map(({ tokenCount, firstMs, lastMs }) => [tokenCount, firstMs, lastMs]);
  };

  /** Stores conversations until commits are far enough behind that the uses of those before are entered. */
  async function enterUses(): Promise<void> {
    const { conversations } = await bench.backend.stats();
    for (let at = 0; at < 24; at++) await bench.store(`more ${at}`, [5000 + at], 90_000);
    await bench.boardWhen(({ to }) => to >= conversations);
  }

  it('knows the use by a fork that shares blocks', async () => {
    await bench.open();
    const segments = Array.from({ length: 1500 }, (_, at) => segmentOf(1 + at));
    await bench.backend.commit({
      newSegments: segments,
      put: {
        spec: spec('long'),
        messages: segments.map((segment) => message('user', segment)),
        expect: { kind: 'absentOrSame' },
        timeMs: 10_000,
      },
    });
    await bench.store('other', [1], 10_001);
    await bench.backend.commit({
      fork: { id: 'long', newId: 'fork', messageCount: undefined, timeMs: 10_002 },
    });
    const expected = [[segmentOf(1).tokenCount, 10_000, 10_002]];
    expect((await uses()).slice(0, 1)).toEqual(expected);
    await enterUses();
    expect((await uses()).slice(0, 1)).toEqual(expected);
  });

  it('knows the first use of a segment that was stored before any conversation with it', async () => {
    await bench.open();
    const [alone, field] = [segmentOf(1), segmentOf(2)];
    await bench.backend.commit({ newSegments: [alone] });
    await bench.store('without', [900], 10_000);
    await bench.backend.commit({
      newSegments: [field],
      put: {
        spec: spec('field'),
        messages: [{ ...message('user', segmentOf(900), field), fieldSegments: 1 }],
        expect: { kind: 'absentOrSame' },
        timeMs: 10_001,
      },
    });
    for (let at = 2; at < 5; at++) await bench.store(`c${at}`, [1, 2], 10_000 + at);
    const expected = [
      [alone.tokenCount, 10_002, 10_004],
      [field.tokenCount, 10_002, 10_004],
    ];
    const known = async () => (await uses()).filter(([, firstMs]) => firstMs !== 10_000).sort();
    expect(await known()).toEqual(expected);
    await enterUses();
    expect(await known()).toEqual(expected);
  });

  it('enters uses while nothing but appends is stored, and forgets what it has seen', async () => {
    await bench.open();
    await bench.store('c', [1], 10_000);
    for (const id of ['a', 'b']) await bench.store(id, [1, 2], 10_001);
    for (let at = 0; at < 40; at++) {
      const segments = [segmentOf(100 + at)];
      const messages = segments.map((each) => message('tool', each));
      await bench.backend.commit({ newSegments: segments, append: { id: 'c', messages, timeMs: 10_002 } });
    }
    const board = await bench.boardWhen(({ to }) => to >= 3);
    expect(board.entries.map(({ uses: known }) => known?.lastMs)).toEqual([10_001, 10_001]);
  });

  it('leaves out what only fields have', async () => {
    await bench.open();
    const [content, field] = [segmentOf(3), segmentOf(4)];
    for (const id of ['a', 'b', 'c'])
      await bench.backend.commit({
        newSegments: [content, field],
        put: {
          spec: spec(id),
          messages: [{ ...message('user', content, field), fieldSegments: 1 }],
          expect: { kind: 'absentOrSame' },
          timeMs: bench.nowMs,
        },
      });
    const found = await bench.shared('references', 10);
    expect(found.map(({ tokenCount, references }) => [tokenCount, references])).toEqual([
      [content.tokenCount, 3],
    ]);
  });

  it('has one that rises again after the commit that wrote the board left it out', async () => {
    await bench.open({ ...small, risenBytes: 0 });
    const segment = segmentOf(1);
    const reference = { hash: segment.hash, holder: 'holder' };
    await bench.store('a', [1]);
    await bench.backend.commit({ addReferences: [reference], removeReferences: [reference] });
    await bench.backend.commit({ addReferences: [reference] });
    expect((await bench.shared('references', 1)).map(({ references }) => references)).toEqual([2]);
  });

  it('is built again when deletions have made it too short, also if nobody asks', async () => {
    await bench.open(small);
    // The board keeps those of 40 shared segments that are shared most.
    const seedsOf = (at: number) => Array.from({ length: 40 }, (_, seed) => 1 + seed).slice(at % 20);
    for (let at = 0; at < 30; at++) await bench.store(`c${at}`, seedsOf(at));
    await bench.boardWhen(({ thresholds }) => thresholds.references > 1);
    // All segments have two references then: fewer than the threshold.
    for (let at = 0; at < 30; at++) {
      if (at % 20 > 0) await bench.backend.commit({ delete: { id: `c${at}`, timeMs: bench.nowMs } });
    }
    await bench.boardWhen((_, tables) => !isTooShort(tables, small));
  });

  it('is checked, and built again by a repair', async () => {
    await bench.open();
    for (const id of ['a', 'b', 'c']) await bench.store(id, [5, 6]);
    await bench.spoil(({ meta }) => {
      const board = readBoard(meta)!;
      dropBoard(meta);
      meta.put(BOARD_KEY, encodeBoard({ ...board, to: 0, entries: [] }));
    });
    const violations = await bench.backend.check();
    expect(violations.map(({ invariant }) => invariant)).toEqual(['shared-segments', 'shared-segments']);
    const { repaired, remaining } = await bench.backend.repair();
    expect([repaired.length, remaining]).toEqual([2, []]);
    expect((await bench.shared('references', 10)).map(({ references }) => references)).toEqual([3, 3]);
  });
});
