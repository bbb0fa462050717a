import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Change } from '../../../src/storage/index.js';
import { message, segment, spec, storing } from '../../contract/support.js';
import { openWriterAndReader, type WriterAndReader } from './writer-and-reader.js';
import { messagesOf } from '../../support/snapshots.js';

let t: WriterAndReader;
beforeEach(async () => (t = await openWriterAndReader()));
afterEach(() => t.close());

const segments = Array.from({ length: 3000 }, (_, n) => segment(n, n >> 4, 7));
const messages = segments.map((each, n) => message(n % 2 ? 'user' : 'assistant', each));

const putting = (id: string): Change => ({
  put: { spec: spec(id), messages, expect: { kind: 'absentOrSame' }, timeMs: 1_000 },
});

it('what a long list names is looked up by whoever reads, as the one that writes would', async () => {
  await t.writer.commit({ newSegments: segments.slice(0, 2000) });
  const looked = await t.reader.findAhead(putting('a'));
  const found = [...looked.put!.found!];
  expect(found).toHaveLength(segments.length);
  expect(found.slice(0, 2000)).not.toContain(0);
  expect(new Set(found.slice(2000))).toEqual(new Set([0]));

  const { put } = await t.writer.commit({ ...looked, newSegments: segments.slice(2000) });
  expect(put).toMatchObject({ segments: segments.length, newSegments: 1000, newTokens: 3000 });
  const again = await t.writer.commit(await t.reader.findAhead(putting('a')));
  expect(again.put).toMatchObject({ unchanged: true, segments: segments.length });
});

it('so is what a short one names, but for what comes with it', async () => {
  await t.writer.commit({ newSegments: segments.slice(0, 6) });
  const change = { ...storing('short', segments.slice(0, 10)), newSegments: segments.slice(5, 10) };
  const looked = await t.reader.findAhead(change);
  expect([...looked.put!.found!].map((id) => id !== 0)).toEqual(segments.slice(0, 10).map((_, n) => n < 5));
  const { put } = await t.writer.commit(looked);
  expect(put).toMatchObject({ segments: 10, newSegments: 4 });
  const removal = { delete: { id: 'short', timeMs: 1 } };
  expect(await t.reader.findAhead(removal)).toBe(removal);
});

it('what was deleted since is missing, or comes again', async () => {
  await t.writer.commit({ newSegments: segments });
  const looked = await t.reader.findAhead(putting('a'));
  const [gone] = segments;
  expect(await t.writer.commit({ deleteSegments: [gone!.hash] })).toMatchObject({
    deleteSegments: [{ deleted: true }],
  });
  await expect(t.writer.commit(looked)).rejects.toMatchObject({ reason: 'SEGMENT_MISSING' });

  const { put } = await t.writer.commit({ ...looked, newSegments: [gone!] });
  expect(put).toMatchObject({ segments: segments.length, newSegments: 1 });
  const open = (await t.writer.openConversation('a'))!;
  const [first] = await messagesOf(open);
  open.release();
  expect(await t.writer.readHashes(first!.segments.map(({ key }) => key))).toEqual([gone!.hash]);
});
