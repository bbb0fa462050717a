import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { loadCore } from '../../../src/core/index.js';
import {
  openLmdbBackend,
  openLmdbReader,
  type LmdbReader,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { codec, segment } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let reader: LmdbReader;
beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 1_000 });
});
afterEach(async () => {
  await reader.close();
  await backend.close();
  await folder.remove();
});

const segments = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => segment(from + at, 1, 2, 3));

it('a reader finds what was stored before, when chunks of the hash index have been split since it read their keys', async () => {
  const [before, after] = [segments(0, 600), segments(600, 4000)];
  await backend.commit({ newSegments: before });
  const core = await loadCore();
  reader = await openLmdbReader({
    folder: folder.path,
    codec: createLiveCodec(core),
    lease: () => () => undefined,
    sharers: 1,
  });
  expect(await reader.findSegments([before[0]!.hash])).toEqual([expect.anything()]);
  await backend.commit({ newSegments: after });
  const found = await reader.findSegments([...before, ...after].map(({ hash }) => hash));
  expect(found.filter((each) => each === undefined)).toHaveLength(0);
});
