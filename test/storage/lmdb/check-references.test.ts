import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openLmdbBackend } from '../../../src/storage/index.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { referenceKey } from '../../../src/storage/lmdb/segments/references.js';
import { encodeBoundedChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import { encodeKeyChunk } from '../../../src/storage/lmdb/tables/key-chunk.js';
import { codec, segment } from '../../contract/support.js';
import { segmentId } from './ids.js';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const [a, b] = [segment(1), segment(2)];

/**
 * Returns a check's report of a vault with two references of "h" after its only chunk is replaced by these
 * bytes.
 */
async function violationsWith(record: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-check-'));
  folders.push(folder);
  const open = () => openLmdbBackend({ folder, codec, clock: () => 1_000 });
  const backend = await open();
  const references = [a, b].map(({ hash }) => ({ hash, holder: 'h' }));
  await backend.commit({ newSegments: [a, b], addReferences: references });
  expect(await backend.check()).toEqual([]);
  await backend.close();

  const environment = await Environment.open(folder, { sync: false });
  const keys = [...environment.tables.references.keys()];
  expect(keys).toHaveLength(1);
  await environment.write(() => environment.tables.references.put(keys[0]!, record));
  await environment.close();

  const damaged = await open();
  const violations = await damaged.check();
  await damaged.close();
  return violations.map(({ invariant, subject, detail }) => `${invariant}: ${subject}: ${detail}`);
}

/** Returns a chunk of these references, in this order. */
function chunk(...references: [id: number, holder: string][]): Uint8Array {
  return chunkOf(references.map(([id, holder]) => referenceKey(segmentId(id), holder)));
}

function chunkOf(keys: readonly Buffer[]): Uint8Array {
  const entries = encodeKeyChunk(keys.map((key) => ({ key, number: 0 })));
  return encodeBoundedChunk(Buffer.of(1), { end: undefined, entries });
}

describe('a check of outside references', () => {
  it('finds one that is missing', async () => {
    expect(await violationsWith(chunk([1, 'h']))).toEqual([
      'reference-counts: segment 2: 1 references are kept, 0 were counted',
      'garbage: segment 2: it has no reference and is not garbage',
    ]);
  });

  it('finds one too many', async () => {
    expect(await violationsWith(chunk([1, 'g'], [1, 'h'], [2, 'h']))).toEqual([
      // It would be one of the most shared ones.
      'shared-segments: segment 1: has 2 references, and is not on the board',
      'reference-counts: segment 1: 1 references are kept, 2 were counted',
    ]);
  });

  it('finds one to a segment that is not stored', async () => {
    expect(await violationsWith(chunk([1, 'h'], [2, 'h'], [7, 'h']))).toEqual([
      'references: holder h: refers to segment 7, which is not stored',
    ]);
  });

  it('finds those that are out of order, and a name that is too long', async () => {
    expect(await violationsWith(chunk([2, 'h'], [1, 'h']))).toEqual([
      'references: outside references: are not in order',
    ]);
    const name = 'x'.repeat(513);
    expect(await violationsWith(chunk([1, 'h'], [2, 'h'], [1, name]))).toContain(
      `references: holder ${name}: its name is longer than 512 bytes`,
    );
  });

  it('finds bytes that are no references', async () => {
    expect((await violationsWith(Buffer.from([0, 0, 9])))[0]).toMatch(/^references: outside references: /);
    expect((await violationsWith(chunkOf([Buffer.of(65)])))[0]).toMatch(
      /^references: outside references: a stored reference does not decode/,
    );
  });
});
