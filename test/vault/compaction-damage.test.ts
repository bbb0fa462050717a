import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import { decodePack, encodePack } from '../../src/storage/lmdb/packs/pack.js';
import { Environment, type Tables } from '../../src/storage/lmdb/tables/environment.js';
import type { CompactSummary } from '../../src/vault/index.js';
import { fillWithPhrases } from '../support/phrases.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

const core = await loadCore();

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'stowken-damage-'))));
afterEach(() => rm(folder, { recursive: true }));

const open = () =>
  openTestVault((codec, clock) => openLmdbBackend({ folder, codec, clock, durability: 'relaxed' }));

async function spoil(change: (tables: Tables) => void): Promise<void> {
  const environment = await Environment.open(folder, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
}

/** Changes the bytes in packs of the segments with these ids, which begin at 1. */
function spoilPieces({ packs }: Tables, from: number, to: number, change: (piece: Buffer) => void): void {
  for (const { key, value } of [...packs.range()]) {
    const pack = decodePack(key, value);
    const entries = pack.entries.map((entry, index) => {
      const id = pack.firstId + index;
      if (id < from || id > to || entry.frameBytes === 0) return entry;
      const piece = Buffer.from(entry.piece);
      change(piece);
      return { ...entry, piece };
    });
    packs.put(key, encodePack({ ...pack, entries })!);
  }
}

const damages: [string, (tables: Tables) => void][] = [
  [
    'has lost a piece',
    ({ frameOverflowPages }) => frameOverflowPages.remove([...frameOverflowPages.keys()][0]!),
  ],
  [
    'has a version that no encoder wrote',
    (tables) => spoilPieces(tables, 2, 2, (piece) => (piece[0] = 0x7f)),
  ],
  // So many that some are trained on, and some held back.
  ['does not decode', (tables) => spoilPieces(tables, 2, 100, (piece) => piece.fill(0xff, 1))],
];

const compacted = async ({ vault }: TestVault) =>
  (
    await collectAll(
      vault.compact(
        {
          dryRun: false,
          minSavingsRatio: 0.05,
          segmentsMax: undefined,
          bytesMax: undefined,
          timeMsMax: undefined,
          resumeToken: '',
        },
        signal,
      ),
    )
  ).at(-1) as CompactSummary;

async function fill(opened: TestVault): Promise<void> {
  const { vault } = opened;
  const long = Array.from({ length: 8000 }, (_, at) => (at * 7919) % 200_000);
  await vault.store({ spec: spec('long'), messages: [say('user', long)] }, signal);
  await fillWithPhrases(vault, { conversations: 100, seed: 1, phraseSeed: 1 });
  await opened.close();
}

/** Compacts a vault with damaged frames, which must stay as they are. */
async function expectOthersRewritten(damaged: TestVault): Promise<void> {
  const check = async () =>
    (await damaged.backend.check()).map(({ invariant, subject }) => [invariant, subject]);
  const before = await check();
  expect(new Set(before.map(([invariant]) => invariant))).toEqual(new Set(['frame']));
  const { end, segmentsRewritten, bytesBefore, bytesAfter } = await compacted(damaged);
  expect(end).toBe('complete');
  expect(segmentsRewritten).toBeGreaterThan(400);
  expect(bytesAfter).toBeLessThan(bytesBefore);
  expect(await check()).toEqual(before);
  await damaged.backend.close();
}

describe('a compaction of a vault with a frame that', () => {
  it.each(damages)('%s leaves it, and rewrites the others', async (_what, damage) => {
    await fill(await open());
    await spoil(damage);
    await expectOthersRewritten(await open());
  });

  it('was altered in its file leaves it, and rewrites the others', async () => {
    const openFiles = () =>
      openTestVault((codec, clock) => openFilesystemBackend({ folder, codec, core, clock, fsync: false }));
    await fill(await openFiles());
    const segments = join(folder, 'segments');
    const files = (await readdir(segments, { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));
    const file = join(segments, files[0]!);
    await writeFile(file, (await readFile(file)).fill(0xff, 1));
    await expectOthersRewritten(await openFiles());
  });
});
