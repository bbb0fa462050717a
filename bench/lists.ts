import { parseArgs } from 'node:util';
import { createLiveCodec, type LiveCodec } from '../src/codec/index.js';
import { loadCore, type TokenCore } from '../src/core/index.js';
import { openLmdbBackend, type MaintainedBackend } from '../src/storage/index.js';
import { Environment } from '../src/storage/lmdb/tables/environment.js';
import { UNINDEXED_MAX } from '../src/storage/lmdb/tables/layout.js';
import { timed } from './lib/measure.js';
import { median, printTable } from './lib/table.js';
import { changeOf, inFolder } from './storage-changes.js';

const labels = ['user', 'session'];
/** Application, model, tokenizer and token count, which every vault has, and the labels. */
const dimensions = 4 + labels.length;
const samples = 100;
/** Conversations that no index has yet, while vaults are filled, and when they are measured. */
const indexedMax = 256;
const unindexed = UNINDEXED_MAX / 2;
/** A month has as many conversations in a large vault as in a small one. */
const perMonth = 10_000;
const monthMs = 30 * 86_400_000;

interface Costs {
  readonly listBytes: number;
  readonly usageBytes: number;
  readonly boardBytes: number;
  readonly pageMs: number;
  readonly countMs: number;
  readonly tokensMs: number;
  readonly monthMs: number;
  readonly sharedMs: number;
  readonly usesMs: number;
}

/**
 * Measures what the index of lists and the counters of usage take on the disk, and what a filtered page, a
 * count, a month of usage and a page of shared prompts cost, in a vault of 10,000 conversations and in a
 * larger one.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      conversations: { type: 'string', default: '200000' },
      /** Gives each conversation a session of its own: a label that finds one conversation, and counts it. */
      'own-sessions': { type: 'boolean', default: false },
    },
  });
  const perSession = values['own-sessions'] ? 1 : 10;
  const counts = [10_000, Number(values.conversations)];
  const core = await loadCore();
  const costs = await inFolder((small) =>
    inFolder(async (large) => {
      const vaults = [
        await filled(small, counts[0]!, perSession, core),
        await filled(large, counts[1]!, perSession, core),
      ];
      const calls = await measureCalls(
        vaults.map(({ backend }, at) => ({ backend, count: counts[at]!, core })),
      );
      return Promise.all(
        vaults.map(async ({ backend, folder }, at) => {
          await backend.close();
          return { ...calls[at]!, ...(await bytesIn(folder, counts[at]!)) };
        }),
      );
    }),
  );
  const row = (label: string, figure: (each: Costs) => number, unit: string) => {
    const [small, large] = costs.map(figure) as [number, number];
    return [label, `${small.toFixed(2)} ${unit}`, `${large.toFixed(2)} ${unit}`, (large / small).toFixed(2)];
  };
  printTable(
    `lists and usage: ${perMonth} conversations a month, ${labels.length} labels; ${unindexed} conversations in no index`,
    ['', ...counts.map(String), 'ratio'],
    [
      row('index of lists, a conversation and dimension', ({ listBytes }) => listBytes / dimensions, 'B'),
      row('counters of usage, the same', ({ usageBytes }) => usageBytes / dimensions, 'B'),
      row('board of shared segments, the same', ({ boardBytes }) => boardBytes / dimensions, 'B'),
      row('all of these', (each) => (each.listBytes + each.usageBytes + each.boardBytes) / dimensions, 'B'),
      row('a page of 50 by label, median', ({ pageMs }) => pageMs, 'ms'),
      row('count of a label, median', ({ countMs }) => countMs, 'ms'),
      row('a page of 50 by token count, median', ({ tokensMs }) => tokensMs, 'ms'),
      row('a month of usage, median', ({ monthMs }) => monthMs, 'ms'),
      row('a page of 50 shared prompts, median', ({ sharedMs }) => sharedMs, 'ms'),
      row('uses by day of a prompt of 67 neighbours, median', ({ usesMs }) => usesMs, 'ms'),
    ],
  );
}

async function filled(folder: string, count: number, perSession: number, core: TokenCore) {
  const codec = createLiveCodec(core);
  const open = (unindexedMax?: number) =>
    openLmdbBackend({
      folder,
      codec,
      clock: Date.now,
      durability: 'relaxed',
      ...(unindexedMax !== undefined && { unindexedMax }),
    });
  let next = 0;
  const fill = async (to: number) => {
    await Promise.all(
      Array.from({ length: 256 }, async () => {
        while (next < to) await backend.commit(generated(next++, perSession, core, codec));
      }),
    );
  };
  let backend = await open(indexedMax);
  await backend.setLabels!(labels);
  await fill(count);
  await backend.close();
  // Calls read what no index has yet: as much of it in a small vault as in a large one.
  backend = await open();
  await fill(count + unindexed);
  return { folder, backend };
}

interface Vault {
  readonly backend: MaintainedBackend;
  readonly count: number;
  readonly core: TokenCore;
}

type Timed = Omit<Costs, 'listBytes' | 'usageBytes' | 'boardBytes'>;

/** Measures calls of both vaults in turn, so that other work of the machine slows down both. */
async function measureCalls(vaults: readonly Vault[]): Promise<Timed[]> {
  const fromMs = timeOf(0);
  const { signal } = new AbortController();
  // Both vaults have as many conversations of each session.
  const newest = { order: 'newestFirst', scanLimit: 20_000 } as const;
  const query = (n: number, count: number) => ({
    ...newest,
    filter: { metadata: { session: String((n * 7919) % (count / 10)) } },
  });
  const calls: Readonly<Record<keyof Timed, (vault: Vault, n: number) => Promise<unknown>>> = {
    pageMs: ({ backend, count }, n) => backend.listConversations({ ...query(n, count), limit: 50 }),
    countMs: ({ backend, count }, n) => backend.listConversations({ ...query(n, count), limit: 20_000 }),
    // Prompts of that length are those of every fiftieth hundred of conversations.
    tokensMs: ({ backend }) => backend.listConversations({ ...newest, filter: { tokensMin: 99 }, limit: 50 }),
    monthMs: ({ backend }) => backend.usage({ fromMs, beforeMs: fromMs + monthMs, onRow: () => undefined }),
    async sharedMs({ backend }) {
      const found = await backend.sharedSegments!({ order: 'tokensSaved', limit: 50, signal });
      if (found?.length !== 50) throw new Error('the vault does not know its shared prompts');
    },
    async usesMs({ backend, count, core }, n) {
      const [found] = await backend.findSegments([
        core.hashLe32(promptWords(9 + ((n * 7919) % (count / 100)))),
      ]);
      let uses = 0;
      for await (const { createTimesMs } of backend.useTimes!({ key: found!.key, signal }))
        uses += createTimesMs.length;
      if (uses < 66) throw new Error(`${uses} uses of a prompt were found`);
    },
  };
  const costs = vaults.map(() => ({
    pageMs: 0,
    countMs: 0,
    tokensMs: 0,
    monthMs: 0,
    sharedMs: 0,
    usesMs: 0,
  }));
  for (const [name, call] of Object.entries(calls)) {
    const durations = vaults.map((): number[] => []);
    for (let n = 0; n < samples; n++)
      for (const [at, vault] of vaults.entries())
        durations[at]!.push(1000 * (await timed([n], 1, () => call(vault, n))));
    for (const [at, each] of durations.entries()) costs[at]![name as keyof Timed] = median(each);
  }
  return costs;
}

/** Returns the bytes of pages in use, for each conversation. */
async function bytesIn(folder: string, count: number) {
  const environment = await Environment.open(folder, { sync: false });
  const { meta, postings, usage, usageGroups } = environment.tables;
  const bytes = (table: typeof usage | typeof usageGroups) => (4096 * table.pages()) / count;
  const sizes = {
    listBytes: bytes(postings),
    usageBytes: bytes(usage) + bytes(usageGroups),
    boardBytes: bytes(meta),
  };
  await environment.close();
  return sizes;
}

function timeOf(n: number): number {
  return Date.UTC(2026, 0, 1) + Math.floor((n * monthMs) / perMonth);
}

function promptWords(prompt: number): Uint8Array {
  return new Uint8Array(
    Uint32Array.from({ length: 30 + (prompt % 50) }, (_, at) => (prompt * 17 + at * 13) % 200_000).buffer,
  );
}

function generated(n: number, perSession: number, core: TokenCore, codec: LiveCodec) {
  const words = new Uint8Array(
    Uint32Array.from({ length: 20 }, (_, at) => (n * 31 + at * 7) % 200_000).buffer,
  );
  // Two of three conversations have a prompt that a hundred neighbours have, the third has one of a few.
  const prompt = n % 3 === 0 ? n % 9 : 9 + Math.floor(n / 100);
  const messages = [
    { role: 'system', name: '', toolCallId: '', words: promptWords(prompt) },
    { role: 'user', name: '', toolCallId: '', words },
  ];
  // The ten conversations of a session follow each other, and are of one user and one application.
  const session = Math.floor(n / 10);
  const fields = { id: `conversation/${n}`, application: `app ${session % 3}`, model: `m ${session % 4}` };
  const change = changeOf({ ...fields, tokenizer: 'o200k_base', messages }, core, codec);
  const metadata = { user: `user ${session % 20}`, session: String(Math.floor(n / perSession)) };
  const put = change.put!;
  return { ...change, put: { ...put, spec: { ...put.spec, metadata }, timeMs: timeOf(n) } };
}
