import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropBoard } from '../../../../src/storage/lmdb/board/board.js';
import { message } from '../../../contract/support.js';
import { type Random, randomFrom } from '../../../support/random.js';
import { sampleOr } from '../../../support/sample.js';
import { BoardBench, orders, put, segmentOf, signal, small } from './support.js';

let bench: BoardBench;

beforeEach(async () => {
  bench = await BoardBench.create();
});
afterEach(async () => {
  expect(await bench.backend.check()).toEqual([]);
  await bench.remove();
});

class Changes {
  readonly #ids: string[] = [];
  #made = 0;

  constructor(private readonly random: Random) {}

  async next(): Promise<void> {
    const { random } = this;
    const id = this.#ids[random.below(Math.max(1, this.#ids.length))];
    // Small seeds are shared by many, large ones by few.
    const seed = () => 1 + random.below(1 + random.below(120));
    // Lists of many messages are cut into blocks, which forks share.
    const length = random.below(40) === 0 ? 700 + random.below(1500) : 1 + random.below(4);
    const seeds = Array.from({ length }, seed);
    const what = random.below(12);
    bench.nowMs += 1;
    if (id === undefined || what < 6) await this.#put(seeds);
    else if (what === 6) await bench.store(id, seeds);
    else if (what === 7) {
      const newId = this.#new();
      const { messageCount: all } = (await bench.backend.getConversation(id))!;
      const messageCount = random.below(2) === 0 ? 1 + random.below(all) : undefined;
      await bench.backend.commit({ fork: { id, newId, messageCount, timeMs: bench.nowMs } });
    } else if (what === 8) await this.#delete(id);
    else if (what === 9) {
      const segments = seeds.map(segmentOf);
      await bench.backend.commit({
        newSegments: segments,
        append: { id, messages: segments.map((segment) => message('tool', segment)), timeMs: bench.nowMs },
      });
    } else if (what === 10) {
      const segment = segmentOf(seeds[0]!);
      const [found] = await bench.backend.findSegments([segment.hash]);
      if (found)
        await bench.backend.commit({
          addReferences: [{ hash: segment.hash, holder: `holder ${random.below(5)}` }],
        });
    } else {
      const { segments } = await bench.backend.listGarbage({ limit: 10, garbageBeforeMs: bench.nowMs });
      await bench.backend.commit({
        collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: bench.nowMs },
      });
    }
  }

  async deleteMost(): Promise<void> {
    while (this.#ids.length > 20) await this.#delete(this.#ids[0]!);
  }

  async #put(seeds: readonly number[]): Promise<void> {
    await bench.store(this.#new(), seeds);
  }

  async #delete(id: string): Promise<void> {
    await bench.backend.commit({ delete: { id, timeMs: bench.nowMs } });
    this.#ids.splice(this.#ids.indexOf(id), 1);
  }

  #new(): string {
    const id = `c${this.#made++}`;
    this.#ids.push(id);
    return id;
  }
}

describe('the board of shared segments, beside a look at everything', () => {
  it.each(Array.from({ length: sampleOr(3, 40) }, (_, seed) => seed))(
    'has what a look at all segments finds, after changes of seed %i',
    async (seed) => {
      await bench.open(small);
      const changes = new Changes(randomFrom(seed));
      for (let round = 0; round < 12; round++) {
        for (let at = 0; at < 40; at++) await changes.next();
        for (const order of orders)
          expect(await bench.sharedRanks(order, 4), `round ${round}`).toEqual(
            (await bench.ranks(order)).slice(0, 4),
          );
        if (round % 4 === 3) {
          const times = await bench.allTimes();
          for (let seed = 1; seed <= 120; seed += 7)
            expect((await bench.useTimes(seed)).timesMs, `round ${round}, segment ${seed}`).toEqual(
              (times.get(segmentOf(seed).hash) ?? []).sort((a, b) => a - b),
            );
        }
        if (round === 5) await bench.spoil(({ meta }) => dropBoard(meta), small);
        if (round === 8) await changes.deleteMost();
      }
      expect(await bench.backend.check()).toEqual([]);
    },
  );

  it.each(Array.from({ length: sampleOr(2, 20) }, (_, seed) => seed))(
    'knows every first and last use, whenever the vault is opened again, with seed %i',
    async (seed) => {
      await bench.open();
      const random = randomFrom(seed);
      const uses = new Map<string, number[]>();
      for (let at = 0; at < 250; at++) {
        if (random.below(30) === 0) await bench.spoil(() => undefined);
        const timeMs = 10_000 + at;
        const shared = Array.from({ length: random.below(4) }, () => 1 + random.below(1 + random.below(300)));
        await bench.store(`c${at}`, [...shared, 1000 + at], timeMs);
        for (const each of new Set(shared)) {
          const { hash } = segmentOf(each);
          uses.set(hash, [...(uses.get(hash) ?? []), timeMs]);
        }
        if (random.below(60) > 0) continue;
        // The ids of new segments rise here too.
        const segments = [segmentOf(2000 + at)];
        await bench.backend.commit({
          newSegments: segments,
          append: { id: `c${at}`, messages: segments.map((each) => message('tool', each)), timeMs },
        });
      }
      const found = await bench.shared('references', 1000);
      const hashes = await bench.backend.readHashes(found.map(({ key }) => key));
      for (const [at, { firstMs, lastMs, references }] of found.entries()) {
        const known = uses.get(hashes[at]!)!;
        expect([firstMs, lastMs], `${references} references`).toEqual([known[0], known.at(-1)]);
      }
      expect(found.length).toBe([...uses.values()].filter(({ length }) => length > 1).length);
    },
  );

  it('misses nothing that rises while it is built', async () => {
    await bench.open(small);
    const random = randomFrom(7);
    for (let round = 0; round < 40; round++) {
      const stored: Promise<unknown>[] = [];
      for (let at = 0; at < 6; at++) {
        const seeds = Array.from({ length: 3 }, () => 1 + random.below(60));
        stored.push(bench.backend.commit(put(`r${round} ${at}`, seeds, bench.nowMs, 0)));
        if (at % 2 === 0)
          stored.push(bench.backend.sharedSegments!({ order: 'references', limit: 4, signal }));
        if (random.below(2) === 0) await new Promise(setImmediate);
      }
      await Promise.all(stored);
      const gone = Array.from({ length: 5 }, (_, at) => `r${round - 1} ${at}`);
      if (round > 0)
        await Promise.all(gone.map((id) => bench.backend.commit({ delete: { id, timeMs: bench.nowMs } })));
      expect(await bench.backend.check(), `round ${round}`).toEqual([]);
    }
  });
});
