import { afterEach, beforeEach, expect, it } from 'vitest';
import { RECENT_SEGMENTS_MAX } from '../../../src/storage/lmdb/tables/layout.js';
import { segment } from '../../contract/support.js';
import { openWriterAndReader, type WriterAndReader } from './writer-and-reader.js';

let t: WriterAndReader;
beforeEach(async () => (t = await openWriterAndReader()));
afterEach(() => t.close());

const segments = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => segment(from + at, 1, 2, 3));

it('a reader finds what was stored before, when chunks of the hash index have been split since it read their keys', async () => {
  const many = RECENT_SEGMENTS_MAX + 1;
  const [before, after] = [segments(0, many), segments(many, 3 * many)];
  await t.writer.commit({ newSegments: before });
  expect(await t.reader.findSegments([before[0]!.hash])).toEqual([expect.anything()]);
  await t.writer.commit({ newSegments: after });
  const found = await t.reader.findSegments([...before, ...after].map(({ hash }) => hash));
  expect(found.filter((each) => each === undefined)).toHaveLength(0);
});
