import { createLiveCodec, type LiveCodec } from '../src/codec/index.js';
import { loadCore, type TokenCore } from '../src/core/index.js';
import {
  openLmdbBackend,
  type Change,
  type ManagedBackend,
  type ListPosition,
} from '../src/storage/index.js';
import { median, printTable } from './lib/table.js';
import { timed } from './lib/measure.js';
import { changeOf, inFolder, store } from './storage-changes.js';

const smallCount = 10_000;
const samples = 500;
const tokensEach = 20;

interface Costs {
  readonly openMs: number;
  readonly storeMs: number;
  readonly getMs: number;
  readonly listMs: number;
}

/**
 * Measures opening, storing, getting and listing in a small vault and in one with `largeCount` conversations.
 */
export async function measureScale(largeCount: number): Promise<void> {
  const core = await loadCore();
  const costs: Costs[] = [];
  for (const count of [smallCount, largeCount]) costs.push(await measure(count, core));
  const row = (label: string, figure: (each: Costs) => number) => {
    const [small, large] = costs.map(figure) as [number, number];
    return [label, `${small.toFixed(2)} ms`, `${large.toFixed(2)} ms`, (large / small).toFixed(2)];
  };
  printTable(
    `storage: ${smallCount} and ${largeCount} conversations of ${tokensEach} tokens`,
    ['median', String(smallCount), String(largeCount), 'ratio'],
    [
      row('open', ({ openMs }) => openMs),
      row('store, durable', ({ storeMs }) => storeMs),
      row('get', ({ getMs }) => getMs),
      row('a page of 50', ({ listMs }) => listMs),
    ],
  );
}

async function measure(count: number, core: TokenCore): Promise<Costs> {
  return inFolder(async (folder) => {
    const codec = createLiveCodec(core);
    const filling = await openLmdbBackend({ folder, codec, clock: Date.now, durability: 'relaxed' });
    let next = 0;
    await Promise.all(
      Array.from({ length: 256 }, async () => {
        while (next < count) await filling.commit(generated(next++, core, codec));
      }),
    );
    await filling.close();

    const started = performance.now();
    const backend = await openLmdbBackend({ folder, codec, clock: Date.now });
    await backend.getConversation(idOf(0));
    const openMs = performance.now() - started;
    try {
      return { openMs, ...(await measureCalls(backend, count, core, codec)) };
    } finally {
      await backend.close();
    }
  });
}

async function measureCalls(backend: ManagedBackend, count: number, core: TokenCore, codec: LiveCodec) {
  const random = (n: number) => (n * 7919 + 13) % count;
  const stores = Array.from({ length: samples }, (_, n) => generated(count + n, core, codec));
  return {
    storeMs: await medianMs(stores, (change) => store(backend, change)),
    getMs: await medianMs(
      stores.map((_, n) => idOf(random(n))),
      (id) => backend.getConversation(id),
    ),
    listMs: await medianMs(
      stores.map((_, n) => String(random(n) + 60) as ListPosition),
      (after) =>
        backend.listConversations({ filter: {}, order: 'newestFirst', limit: 50, scanLimit: 1000, after }),
    ),
  };
}

async function medianMs<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<number> {
  const durations: number[] = [];
  for (const item of items) durations.push(1000 * (await timed([item], 1, call)));
  return median(durations);
}

/** Ids in random order, as clients make them. */
function idOf(n: number): string {
  return `conversation/${(Math.imul(n + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, '0')}/${n}`;
}

function generated(n: number, core: TokenCore, codec: LiveCodec): Change {
  const words = new Uint8Array(
    Uint32Array.from({ length: tokensEach }, (_, i) => (n * 31 + i * 7) % 200_000).buffer,
  );
  const unique = new Uint8Array([...new Uint8Array(Uint32Array.of(n).buffer), ...words.subarray(4)]);
  const message = { role: 'user', name: '', toolCallId: '', words: unique };
  return changeOf(
    { id: idOf(n), application: 'bench', model: '', tokenizer: '', messages: [message] },
    core,
    codec,
  );
}
