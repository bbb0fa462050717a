import { afterEach, beforeEach, expect, it } from 'vitest';
import { StoredChunkKeys } from '../../../src/storage/lmdb/segments/chunk-keys.js';
import { printOf } from '../../../src/storage/lmdb/segments/dense-chunk.js';
import { HashIndex } from '../../../src/storage/lmdb/segments/hash-index.js';
import {
  encodeIndexChunk,
  FIRST_KEY,
  isFullPage,
  type KeyedChunk,
  LAST_FINGERPRINT,
  pagesOfChunk,
  splitIndexChunk,
} from '../../../src/storage/lmdb/segments/index-chunk.js';
import { RecentHashes } from '../../../src/storage/lmdb/segments/recent-hashes.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { Random } from '../../crash/random.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const STRETCH_BYTES = 4096;
const ENTRIES = 60_000;

let folder: TemporaryFolder;
let environment: Environment;
beforeEach(async () => {
  folder = await temporaryFolder();
  environment = await Environment.open(folder.path, { sync: false });
});
afterEach(async () => {
  await environment.close();
  await folder.remove();
});

/** A chunk of the whole range, as pages of a compaction up to one, then as the chunks that stores make. */
function halfRefilled(): { readonly pages: KeyedChunk[]; readonly others: KeyedChunk[] } {
  const random = new Random(1);
  const prints = Uint32Array.from({ length: ENTRIES }, () => printOf(random.below(2 ** 32))).sort();
  const entries = { prints, ids: prints.map((_, at) => at + 1) };
  const all = [...pagesOfChunk(FIRST_KEY, { last: LAST_FINGERPRINT, entries })];
  const half = all.length >> 1;
  return {
    pages: all.slice(0, half),
    others: all.slice(half).flatMap((page) => [...splitIndexChunk(page.key, page)]),
  };
}

it('passes over many full pages in short transactions, and refills all others', async () => {
  const { hashIndex, recentHashes } = environment.tables;
  const { pages, others } = halfRefilled();
  await environment.write(() => {
    for (const each of [...pages, ...others]) hashIndex.append(each.key, encodeIndexChunk(each.key, each));
  });
  const ends: number[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const from: number = after;
    after = await environment.write(() => {
      const recent = new RecentHashes(recentHashes, () => 1).at(0);
      const index = new HashIndex(hashIndex, new StoredChunkKeys(hashIndex), recent);
      const end = index.refill(from, STRETCH_BYTES);
      index.flush();
      return end;
    });
    ends.push(after ?? LAST_FINGERPRINT);
  }
  // Sixteen pages take as long as one that is written, about.
  const passed = ends.filter((end) => end < others[0]!.key);
  expect(passed.length).toBeGreaterThanOrEqual(Math.floor(pages.length / 18));
  expect(new Set(ends).size).toBe(ends.length);
  const stored = [...hashIndex.range({})];
  expect(stored.slice(0, -1).every(({ value }) => isFullPage(value))).toBe(true);
  expect(stored.length).toBeLessThanOrEqual(2 * pages.length + 2);
});
