import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, MaintainedBackend, SegmentKey, SharedOrder } from '../../../src/storage/index.js';
import { openLmdbBackend } from '../../../src/storage/index.js';
import {
  BOARD_KEY,
  decodeBoard,
  decodeRisen,
  dropBoard,
  encodeBoard,
  encodeRisen,
  entriesWith,
  readBoard,
  readRisen,
  writeBoard,
} from '../../../src/storage/lmdb/board/board.js';
import type { BoardLimits } from '../../../src/storage/lmdb/board/choice.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { readState } from '../../../src/storage/lmdb/tables/meta.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { type Random, randomFrom } from '../../support/random.js';
import { sampleOr } from '../../support/sample.js';
import { eventually } from '../../support/wait.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { segmentId } from './ids.js';

const orders: readonly SharedOrder[] = ['references', 'tokensSaved'];
/** A board that is cut down again and again, and whose uses are never far behind. */
const small: BoardLimits = { page: 4, keptPerOrder: 8, entries: 16, risenBytes: 40 };
const signal = new AbortController().signal;

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let nowMs = 1000;

async function open(boardLimits?: BoardLimits): Promise<void> {
  backend = await openLmdbBackend({
    folder: folder.path,
    codec,
    clock: () => nowMs,
    durability: 'relaxed',
    strict: true,
    lock: false,
    unindexedMax: 8,
    ...(boardLimits && { boardLimits }),
  });
}

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

/** Changes records while the vault is closed, and opens it again. */
async function spoil(change: (tables: Tables) => void, boardLimits?: BoardLimits): Promise<void> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
  await open(boardLimits);
}

/** Segments by their seed, of seed tokens and more. */
const segmentOf = (seed: number) => longSegment(1 + (seed % 13), seed);

function put(id: string, seeds: readonly number[], timeMs: number, revision: number): Change {
  const segments = seeds.map(segmentOf);
  return {
    newSegments: segments,
    put: {
      spec: spec(id),
      messages: segments.map((segment) => message('user', segment)),
      expect: { kind: 'revision', revision },
      timeMs,
    },
  };
}

async function store(id: string, seeds: readonly number[], timeMs = nowMs): Promise<void> {
  const before = await backend.getConversation(id);
  await backend.commit(put(id, seeds, timeMs, before?.revision ?? 0));
}

/** Returns the ranks of all shared segments, by a look at every one, the greatest first. */
async function ranks(order: SharedOrder): Promise<number[]> {
  const found: number[] = [];
  let after: SegmentKey | undefined;
  do {
    const page = await backend.scanSegments({ limit: 100, bytesMax: 1e6, ...(after && { after }) });
    const counts = await backend.countReferences(page.segments.map(({ key }) => key));
    for (const [at, { tokenCount }] of page.segments.entries()) {
      const references = counts[at]!;
      if (references > 1) found.push(order === 'references' ? references : (references - 1) * tokenCount);
    }
    after = page.next;
  } while (after !== undefined);
  return found.sort((a, b) => b - a);
}

/** Returns what the board knows, which may be a moment later. */
async function shared(order: SharedOrder, limit: number) {
  return eventually(async () => {
    const found = await backend.sharedSegments!({ order, limit, signal });
    if (!found) throw new Error('the board is being built');
    return found;
  });
}

async function sharedRanks(order: SharedOrder, limit: number): Promise<number[]> {
  return (await shared(order, limit)).map(({ references, tokenCount }) =>
    order === 'references' ? references : (references - 1) * tokenCount,
  );
}

class Changes {
  readonly #ids: string[] = [];
  #made = 0;

  constructor(private readonly random: Random) {}

  async next(): Promise<void> {
    const { random } = this;
    const id = this.#ids[random.below(Math.max(1, this.#ids.length))];
    // Small seeds are shared by many, large ones by few.
    const seed = () => 1 + random.below(1 + random.below(120));
    const seeds = Array.from({ length: 1 + random.below(4) }, seed);
    const what = random.below(12);
    nowMs += 1;
    if (id === undefined || what < 6) await this.#put(seeds);
    else if (what === 6) await store(id, seeds);
    else if (what === 7) {
      const newId = this.#new();
      await backend.commit({ fork: { id, newId, messageCount: undefined, timeMs: nowMs } });
    } else if (what === 8) await this.#delete(id);
    else if (what === 9) {
      const segments = seeds.map(segmentOf);
      await backend.commit({
        newSegments: segments,
        append: { id, messages: segments.map((segment) => message('tool', segment)), timeMs: nowMs },
      });
    } else if (what === 10) {
      const segment = segmentOf(seeds[0]!);
      const [found] = await backend.findSegments([segment.hash]);
      if (found)
        await backend.commit({
          addReferences: [{ hash: segment.hash, holder: `holder ${random.below(5)}` }],
        });
    } else {
      const { segments } = await backend.listGarbage({ limit: 10, garbageBeforeMs: nowMs });
      await backend.commit({
        collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: nowMs },
      });
    }
  }

  async deleteMost(): Promise<void> {
    while (this.#ids.length > 20) await this.#delete(this.#ids[0]!);
  }

  async #put(seeds: readonly number[]): Promise<void> {
    await store(this.#new(), seeds);
  }

  async #delete(id: string): Promise<void> {
    await backend.commit({ delete: { id, timeMs: nowMs } });
    this.#ids.splice(this.#ids.indexOf(id), 1);
  }

  #new(): string {
    const id = `c${this.#made++}`;
    this.#ids.push(id);
    return id;
  }
}

describe('the board of shared segments', () => {
  it.each(Array.from({ length: sampleOr(3, 40) }, (_, seed) => seed))(
    'has what a look at all segments finds, after changes of seed %i',
    async (seed) => {
      await open(small);
      const changes = new Changes(randomFrom(seed));
      for (let round = 0; round < 12; round++) {
        for (let at = 0; at < 40; at++) await changes.next();
        for (const order of orders)
          expect(await sharedRanks(order, 4), `round ${round}`).toEqual((await ranks(order)).slice(0, 4));
        if (round === 5) await spoil(({ meta }) => dropBoard(meta), small);
        if (round === 8) await changes.deleteMost();
      }
      expect(await backend.check()).toEqual([]);
    },
  );

  it('names the first and the last conversation with a segment, and another one when they are gone', async () => {
    await open();
    for (let at = 0; at < 40; at++) await store(`c${at}`, [7, 1000 + at], 10_000 + at);
    const top = async () => (await shared('references', 1))[0]!;
    expect(await top()).toMatchObject({
      references: 40,
      firstMs: 10_000,
      lastMs: 10_039,
      holder: { conversationId: 'c0', messageIndex: 0, role: 'user' },
    });
    // As if slices had entered the uses.
    await spoil(({ meta }) => {
      const { lastConversation: to, nextSegment } = readState(meta);
      const uses = { firstNumber: 1, firstMs: 10_000, lastNumber: 40, lastMs: 10_039 };
      const entries = entriesWith(readBoard(meta)!.entries, readRisen(meta)).map((entry) => ({
        ...entry,
        uses,
      }));
      writeBoard(meta, { ...readBoard(meta)!, to, nextSegment, entries });
    });
    for (const at of [0, 39]) await backend.commit({ delete: { id: `c${at}`, timeMs: 20_000 } });
    const { references, firstMs, lastMs, holder } = await top();
    expect({ references, firstMs, lastMs }).toEqual({ references: 38, firstMs: 10_000, lastMs: 10_039 });
    expect(holder?.conversationId).toMatch(/^c([1-9]|[123][0-9])$/);
  });

  it('finds the first use of a segment that is shared late', async () => {
    await open();
    for (let at = 0; at < 300; at++) await store(`c${at}`, at === 100 ? [7, 1100] : [1000 + at], 10_000 + at);
    // As if the board had the uses of these: then the first one is looked for.
    await spoil(({ meta }) => {
      const { lastConversation: to, nextSegment } = readState(meta);
      writeBoard(meta, { ...readBoard(meta)!, to, nextSegment });
    });
    await store('late', [7], 20_000);
    expect((await shared('references', 1))[0]).toMatchObject({
      references: 2,
      firstMs: 10_100,
      lastMs: 20_000,
      holder: { conversationId: 'c100', messageIndex: 0 },
    });
  });

  it.each(Array.from({ length: sampleOr(2, 20) }, (_, seed) => seed))(
    'knows every first and last use, whenever the vault is opened again, with seed %i',
    async (seed) => {
      await open();
      const random = randomFrom(seed);
      const uses = new Map<string, number[]>();
      for (let at = 0; at < 250; at++) {
        if (random.below(30) === 0) await spoil(() => undefined);
        const timeMs = 10_000 + at;
        const shared = Array.from({ length: random.below(4) }, () => 1 + random.below(1 + random.below(300)));
        await store(`c${at}`, [...shared, 1000 + at], timeMs);
        for (const each of new Set(shared)) {
          const { hash } = segmentOf(each);
          uses.set(hash, [...(uses.get(hash) ?? []), timeMs]);
        }
        if (random.below(60) > 0) continue;
        // The ids of new segments rise here too.
        const segments = [segmentOf(2000 + at)];
        await backend.commit({
          newSegments: segments,
          append: { id: `c${at}`, messages: segments.map((each) => message('tool', each)), timeMs },
        });
      }
      const found = await shared('references', 1000);
      const hashes = await backend.readHashes(found.map(({ key }) => key));
      for (const [at, { firstMs, lastMs, references }] of found.entries()) {
        const known = uses.get(hashes[at]!)!;
        expect([firstMs, lastMs], `${references} references`).toEqual([known[0], known.at(-1)]);
      }
      expect(found.length).toBe([...uses.values()].filter(({ length }) => length > 1).length);
    },
  );

  /** Returns first and last use of each shared segment that has so many tokens at least. */
  const uses = async () => {
    const found = await shared('references', 1000);
    return found.map(({ tokenCount, firstMs, lastMs }) => [tokenCount, firstMs, lastMs]);
  };

  /** Returns the board once it has the uses up to a conversation, by a look beside the backend. */
  async function boardAt(number: number) {
    const environment = await Environment.open(folder.path, { sync: false });
    try {
      return await eventually(() => {
        environment.refresh();
        const board = readBoard(environment.tables.meta)!;
        expect(board.to).toBeGreaterThanOrEqual(number);
        return Promise.resolve(board);
      });
    } finally {
      await environment.close();
    }
  }

  /** Stores conversations until commits are far enough behind that the uses of those before are entered. */
  async function enterUses(): Promise<void> {
    const { conversations } = await backend.stats();
    for (let at = 0; at < 24; at++) await store(`more ${at}`, [5000 + at], 90_000);
    await boardAt(conversations);
  }

  it('knows the use by a fork that shares blocks', async () => {
    await open();
    const segments = Array.from({ length: 1500 }, (_, at) => segmentOf(1 + at));
    await backend.commit({
      newSegments: segments,
      put: {
        spec: spec('long'),
        messages: segments.map((segment) => message('user', segment)),
        expect: { kind: 'absentOrSame' },
        timeMs: 10_000,
      },
    });
    await store('other', [1], 10_001);
    await backend.commit({ fork: { id: 'long', newId: 'fork', messageCount: undefined, timeMs: 10_002 } });
    const expected = [[segmentOf(1).tokenCount, 10_000, 10_002]];
    expect((await uses()).slice(0, 1)).toEqual(expected);
    await enterUses();
    expect((await uses()).slice(0, 1)).toEqual(expected);
  });

  it('knows the first use of a segment that was stored before any conversation with it', async () => {
    await open();
    const [alone, field] = [segmentOf(1), segmentOf(2)];
    await backend.commit({ newSegments: [alone] });
    await store('without', [900], 10_000);
    await backend.commit({
      newSegments: [field],
      put: {
        spec: spec('field'),
        messages: [{ ...message('user', segmentOf(900), field), fieldSegments: 1 }],
        expect: { kind: 'absentOrSame' },
        timeMs: 10_001,
      },
    });
    for (let at = 2; at < 5; at++) await store(`c${at}`, [1, 2], 10_000 + at);
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
    await open();
    await store('c', [1], 10_000);
    for (const id of ['a', 'b']) await store(id, [1, 2], 10_001);
    for (let at = 0; at < 40; at++) {
      const segments = [segmentOf(100 + at)];
      const messages = segments.map((each) => message('tool', each));
      await backend.commit({ newSegments: segments, append: { id: 'c', messages, timeMs: 10_002 } });
    }
    const board = await boardAt(3);
    expect(board.entries.map(({ uses: known }) => known?.lastMs)).toEqual([10_001, 10_001]);
  });

  it('misses nothing that rises while it is built', async () => {
    await open(small);
    const random = randomFrom(7);
    for (let round = 0; round < 40; round++) {
      const stored: Promise<unknown>[] = [];
      for (let at = 0; at < 6; at++) {
        const seeds = Array.from({ length: 3 }, () => 1 + random.below(60));
        stored.push(backend.commit(put(`r${round} ${at}`, seeds, nowMs, 0)));
        if (at % 2 === 0) stored.push(backend.sharedSegments!({ order: 'references', limit: 4, signal }));
        if (random.below(2) === 0) await new Promise(setImmediate);
      }
      await Promise.all(stored);
      const gone = Array.from({ length: 5 }, (_, at) => `r${round - 1} ${at}`);
      if (round > 0) await Promise.all(gone.map((id) => backend.commit({ delete: { id, timeMs: nowMs } })));
      expect(await backend.check(), `round ${round}`).toEqual([]);
    }
  });

  it('leaves out what only fields have', async () => {
    await open();
    const [content, field] = [segmentOf(3), segmentOf(4)];
    for (const id of ['a', 'b', 'c'])
      await backend.commit({
        newSegments: [content, field],
        put: {
          spec: spec(id),
          messages: [{ ...message('user', content, field), fieldSegments: 1 }],
          expect: { kind: 'absentOrSame' },
          timeMs: nowMs,
        },
      });
    const found = await shared('references', 10);
    expect(found.map(({ tokenCount, references }) => [tokenCount, references])).toEqual([
      [content.tokenCount, 3],
    ]);
  });

  it('has one that rises again after the commit that wrote the board left it out', async () => {
    await open({ ...small, risenBytes: 0 });
    const segment = segmentOf(1);
    const reference = { hash: segment.hash, holder: 'holder' };
    await store('a', [1]);
    await backend.commit({ addReferences: [reference], removeReferences: [reference] });
    await backend.commit({ addReferences: [reference] });
    expect((await shared('references', 1)).map(({ references }) => references)).toEqual([2]);
  });

  it('is checked, and built again by a repair', async () => {
    await open();
    for (const id of ['a', 'b', 'c']) await store(id, [5, 6]);
    await spoil(({ meta }) => {
      const board = readBoard(meta)!;
      dropBoard(meta);
      meta.put(BOARD_KEY, encodeBoard({ ...board, to: 0, entries: [] }));
    });
    const violations = await backend.check();
    expect(violations.map(({ invariant }) => invariant)).toEqual(['shared-segments', 'shared-segments']);
    const { repaired, remaining } = await backend.repair();
    expect([repaired.length, remaining]).toEqual([2, []]);
    expect((await shared('references', 10)).map(({ references }) => references)).toEqual([3, 3]);
  });

  it('has these bytes', async () => {
    await open();
    const board = {
      to: 300,
      nextSegment: 12,
      thresholds: { references: 2, tokensSaved: 1000 },
      entries: [
        { id: segmentId(3), tokenCount: 200, uses: undefined },
        {
          id: segmentId(10),
          tokenCount: 5,
          uses: { firstNumber: 9, firstMs: 1000, lastNumber: 4, lastMs: 1200 },
        },
      ],
    };
    expect(Buffer.from(encodeBoard(board)).toString('hex')).toBe(
      'ac02' + '0c' + '02' + 'e807' + '03c80100' + '0705' + '09' + 'd00f' + '09' + 'c801',
    );
    expect(decodeBoard(encodeBoard(board))).toEqual(board);
    const risen = new Map([
      [segmentId(300), 4],
      [segmentId(2), 1],
    ]);
    expect(Buffer.from(encodeRisen(risen)).toString('hex')).toBe('ac02' + '04' + '02' + '01');
    expect(decodeRisen(encodeRisen(risen))).toEqual(risen);
  });
});
