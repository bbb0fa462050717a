import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecentHashes } from '../../../src/storage/lmdb/segments/recent-hashes.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { RECENT_SEGMENTS_MAX } from '../../../src/storage/lmdb/tables/layout.js';
import { segment } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { openWriterAndReader, type WriterAndReader } from './writer-and-reader.js';
import { segmentId } from './ids.js';

const segments = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => segment(from + at, 9, 8, 7));

describe('segments that came last', () => {
  let t: WriterAndReader;
  beforeEach(async () => (t = await openWriterAndReader()));
  afterEach(() => t.close());

  const store = (from: number, to: number) => t.writer.commit({ newSegments: segments(from, to) });

  /** Returns how many of the first so many are found by the writer, and by a reader in another process. */
  async function found(count: number): Promise<[number, number]> {
    const hashes = segments(0, count).map(({ hash }) => hash);
    const both = await Promise.all([t.writer.findSegments(hashes), t.reader.findSegments(hashes)]);
    const [writer, other] = both.map((each) => each.filter((one) => one !== undefined).length);
    return [writer!, other!];
  }

  async function inTables(): Promise<{ recent: number; chunks: number }> {
    const environment = await Environment.open(t.folder, { sync: false });
    const { recentHashes, hashIndex } = environment.tables;
    const counts = { recent: recentHashes.count(), chunks: hashIndex.count() };
    await environment.close();
    return counts;
  }

  it('are found commit by commit, and in no chunk', async () => {
    for (let at = 0; at < 300; at += 60) {
      await store(at, at + 60);
      expect(await found(at + 70)).toEqual([at + 60, at + 60]);
    }
    expect(await inTables()).toEqual({ recent: 3, chunks: 0 });
  });

  it('stand in chunks when they are many, with those that come then', async () => {
    await store(0, RECENT_SEGMENTS_MAX);
    expect(await found(RECENT_SEGMENTS_MAX + 1)).toEqual([RECENT_SEGMENTS_MAX, RECENT_SEGMENTS_MAX]);
    await store(RECENT_SEGMENTS_MAX, RECENT_SEGMENTS_MAX + 2);
    expect(await found(RECENT_SEGMENTS_MAX + 3)).toEqual([RECENT_SEGMENTS_MAX + 2, RECENT_SEGMENTS_MAX + 2]);
    await store(RECENT_SEGMENTS_MAX + 2, RECENT_SEGMENTS_MAX + 3);
    expect(await found(RECENT_SEGMENTS_MAX + 4)).toEqual([RECENT_SEGMENTS_MAX + 3, RECENT_SEGMENTS_MAX + 3]);
    const { recent, chunks } = await inTables();
    expect(recent).toBe(1);
    expect(chunks).toBeGreaterThan(RECENT_SEGMENTS_MAX / 512);
  });

  it('are not found when they are collected, and the others are', async () => {
    await store(0, 200);
    const { segments: garbage } = await t.writer.listGarbage({ limit: 50, garbageBeforeMs: 5_000 });
    await t.writer.commit({ collect: { keys: garbage.map(({ key }) => key), garbageBeforeMs: 5_000 } });
    expect(await found(200)).toEqual([150, 150]);
    await store(0, 10);
    expect(await found(200)).toEqual([160, 160]);
  });
});

describe('in memory', () => {
  let folder: TemporaryFolder;
  let environment: Environment;
  let recent: RecentHashes;
  /** Id of the next segment. */
  let next = 1;
  beforeEach(async () => {
    folder = await temporaryFolder();
    environment = await Environment.open(folder.path, { sync: false });
    recent = new RecentHashes(environment.tables.recentHashes, () => next);
  });
  afterEach(async () => {
    await environment.close();
    await folder.remove();
  });

  const write = (change: (tables: Tables) => void) => environment.write(() => change(environment.tables));

  it('is of the commit that was asked for, also of one before', async () => {
    await write(() => recent.at(0).append(segmentId(7), [100, 200]));
    next = 9;
    expect(recent.at(1).size).toBe(2);
    const pinned = environment.pin();
    await write(() => recent.at(1).append(segmentId(9), [100]));
    next = 10;
    expect(recent.at(2).idsOf(100)).toEqual([7, 9]);

    const before = new RecentHashes(environment.tables.recentHashes.at(pinned.pin), () => 9).at(1);
    expect(before.idsOf(100)).toEqual([7]);
    expect(recent.at(2)).toBe(recent);
    expect(recent.at(1)).not.toBe(recent);
    pinned.release();

    await write(() => recent.removeAll());
    expect(recent.at(3).size).toBe(0);
    await write(() => recent.append(segmentId(20), [300]));
    next = 21;
    expect([...recent.at(4).entries()]).toEqual([{ fingerprint: 300, id: 20 }]);
  });

  it('follows records that were filled, and those that came after them', async () => {
    const fingerprints = Array.from({ length: 1000 }, (_, at) => (at * 2654435761) >>> 0);
    let sequence = 0;
    for (const [from, to] of [
      [0, 1],
      [1, 128],
      [128, 300],
      [300, 1000],
    ] as const) {
      await write(() => recent.at(sequence).append(segmentId(1 + from), fingerprints.slice(from, to)));
      next = 1 + to;
      const followed = [...recent.at(++sequence).entries()];
      expect(followed.sort((a, b) => a.id - b.id)).toEqual(
        fingerprints.slice(0, to).map((fingerprint, at) => ({ fingerprint, id: 1 + at })),
      );
    }
    const reloaded = new RecentHashes(environment.tables.recentHashes, () => next).at(sequence);
    expect(reloaded.size).toBe(1000);
  });

  it.each([1, 129, 128 * 7 + 1])('notices that the record of segment %d is missing', async (missing) => {
    await write(() =>
      recent.at(0).append(
        segmentId(1),
        Array.from({ length: 1000 }, (_, at) => at),
      ),
    );
    await write(({ recentHashes }) => recentHashes.remove(missing));
    next = 1001;
    const reloaded = new RecentHashes(environment.tables.recentHashes, () => next);
    const read = () => reloaded.at(1).size;
    // Segments before all others are in the chunks, as far as these records show.
    if (missing === 1) expect(read()).toBe(872);
    else expect(read).toThrow(expect.objectContaining({ reason: 'CORRUPT_STORE' }) as Error);
  });
});
