import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import {
  openLmdbBackend,
  openLmdbReader,
  type Change,
  type LmdbReader,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { codec, core, message, segment, spec, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let reader: LmdbReader;
beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 1_000 });
  reader = await openLmdbReader({
    folder: folder.path,
    codec: createLiveCodec(core),
    lease: () => () => undefined,
    sharers: 2,
  });
});
afterEach(async () => {
  await reader.close();
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

const segments = Array.from({ length: 3000 }, (_, n) => segment(n, n >> 4, 7));
const messages = segments.map((each, n) => message(n % 2 ? 'user' : 'assistant', each));

const putting = (id: string): Change => ({
  put: { spec: spec(id), messages, expect: { kind: 'absentOrSame' }, timeMs: 1_000 },
});

it('what a long list names is looked up by whoever reads, as the one that writes would', async () => {
  await backend.commit({ newSegments: segments.slice(0, 2000) });
  const looked = await reader.findAhead(putting('a'));
  const found = [...looked.put!.found!];
  expect(found).toHaveLength(segments.length);
  expect(found.slice(0, 2000)).not.toContain(0);
  expect(new Set(found.slice(2000))).toEqual(new Set([0]));

  const { put } = await backend.commit({ ...looked, newSegments: segments.slice(2000) });
  expect(put).toMatchObject({ segments: segments.length, newSegments: 1000, newTokens: 3000 });
  const again = await backend.commit(await reader.findAhead(putting('a')));
  expect(again.put).toMatchObject({ unchanged: true, segments: segments.length });
});

it('so is what a short one names, but for what comes with it', async () => {
  await backend.commit({ newSegments: segments.slice(0, 6) });
  const change = { ...storing('short', segments.slice(0, 10)), newSegments: segments.slice(5, 10) };
  const looked = await reader.findAhead(change);
  expect([...looked.put!.found!].map((id) => id !== 0)).toEqual(segments.slice(0, 10).map((_, n) => n < 5));
  const { put } = await backend.commit(looked);
  expect(put).toMatchObject({ segments: 10, newSegments: 4 });
  const removal = { delete: { id: 'short', timeMs: 1 } };
  expect(await reader.findAhead(removal)).toBe(removal);
});

it('what was deleted since is missing, or comes anew', async () => {
  await backend.commit({ newSegments: segments });
  const looked = await reader.findAhead(putting('a'));
  const [gone] = segments;
  expect(await backend.commit({ deleteSegments: [gone!.hash] })).toMatchObject({
    deleteSegments: [{ deleted: true }],
  });
  await expect(backend.commit(looked)).rejects.toMatchObject({ reason: 'SEGMENT_MISSING' });

  const { put } = await backend.commit({ ...looked, newSegments: [gone!] });
  expect(put).toMatchObject({ segments: segments.length, newSegments: 1 });
  const open = (await backend.openConversation('a'))!;
  const [first] = [...open.messages()];
  open.release();
  expect(await backend.readHashes(first!.segments.map(({ key }) => key))).toEqual([gone!.hash]);
});
