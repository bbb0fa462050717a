import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import { fillWithPhrases } from '../support/phrases.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, openTestVault, signal, type TestVault } from '../support/vault.js';

const ROUNDS = sampleOr(6, 10);
/** So many that a page more or less in each table does not matter. */
const CONVERSATIONS = 200;

/** Content stored in each round, in phrases that change slowly: a tenth of them is new each time. */
const contentOf = (round: number) => [
  { conversations: CONVERSATIONS, seed: round, phraseSeed: 1 },
  { conversations: CONVERSATIONS / 10, seed: 100 + round, phraseSeed: 100 + round },
];

async function inNewVault<T>(work: (opened: TestVault) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-compactions-'));
  const opened = await openTestVault((codec, clock) =>
    openLmdbBackend({ folder, codec, clock, durability: 'relaxed' }),
  );
  try {
    return await work(opened);
  } finally {
    await opened.close();
    await rm(folder, { recursive: true });
  }
}

async function compacted({ vault }: TestVault): Promise<{ bytes: number; inUseBytes: number }> {
  const input = {
    dryRun: false,
    minSavingsRatio: 0.01,
    segmentsMax: undefined,
    bytesMax: undefined,
    timeMsMax: undefined,
    resumeToken: '',
  };
  await collectAll(vault.compact(input, signal));
  const { segmentBytes, registryBytes, inUseBytes } = await vault.stats();
  return { bytes: segmentBytes + registryBytes, inUseBytes };
}

it(`${ROUNDS} compactions, with stores, deletes and gc between them, pile up nothing`, async () => {
  const rounds = await inNewVault(async (opened) => {
    const { vault } = opened;
    const figures = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const content of contentOf(round)) await fillWithPhrases(vault, content);
      // Two rounds' conversations stay.
      for (const { seed, conversations } of round < 2 ? [] : contentOf(round - 2)) {
        for (let i = 0; i < conversations; i++) await vault.delete(`c${seed}-${i}`, { allowMissing: false });
      }
      await collectAll(vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
      figures.push(await compacted(opened));
      expect((await vault.listRegistries()).length).toBeLessThanOrEqual(2);
    }
    return figures;
  });
  const fresh = await inNewVault(async (opened) => {
    for (const round of [ROUNDS - 2, ROUNDS - 1]) {
      for (const content of contentOf(round)) await fillWithPhrases(opened.vault, content);
    }
    return compacted(opened);
  });
  const last = rounds.at(-1)!;
  expect(last.bytes / fresh.bytes).toBeLessThan(1.1);
  expect(last.inUseBytes / fresh.inUseBytes).toBeLessThan(1.25);
  expect(last.inUseBytes / rounds[2]!.inUseBytes).toBeLessThan(1.1);
});
