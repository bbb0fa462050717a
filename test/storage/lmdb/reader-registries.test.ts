import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameRegistryId, trainHere } from '../../../src/codec/index.js';
import type { SegmentKey } from '../../../src/storage/index.js';
import { sampleSegments } from '../../codec/samples.js';
import { core, segment, storing } from '../../contract/support.js';
import { openWriterAndReader, type WriterAndReader } from './writer-and-reader.js';

const samples = sampleSegments(300, 1);
const registry = trainHere(
  core.module,
  samples.map((tokens) => core.fromTokens(tokens)),
  { id: 1 },
);

let t: WriterAndReader;
let keys: SegmentKey[];

/** A reader that was not notified of a registry, with which another process has written since. */
beforeEach(async () => {
  t = await openWriterAndReader();
  await t.writer.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
  const stored = samples
    .filter(({ length }) => length >= 30)
    .slice(0, 20)
    .map((tokens) => {
      const plain = segment(...tokens);
      return { ...plain, frame: t.codecs.writer.encode(core.fromTokens(tokens)) };
    });
  expect(new Set(stored.map(({ frame }) => frameRegistryId(frame)))).toEqual(new Set([1]));
  await t.writer.commit(storing('c', stored));
  keys = (await t.writer.findSegments(stored.map(({ hash }) => hash))).map((found) => found!.key);
  t.reader.refresh();
});
afterEach(() => t.close());

describe('a reader that has not heard of a registry', () => {
  it('can decode the frames that it reads', async () => {
    const frames = await t.reader.readFrames(keys);
    for (const frame of frames) expect(t.codecs.reader.decode(frame).tokenCount).toBeGreaterThan(0);
  });

  it('knows what they are called', async () => {
    expect(await t.reader.readHashes(keys)).toEqual(await t.writer.readHashes(keys));
  });

  it('finds the vault whole', async () => {
    expect(await t.reader.check()).toEqual([]);
  });
});
