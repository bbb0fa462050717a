import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec, frameRegistryId, trainHere, type LiveCodec } from '../../../src/codec/index.js';
import {
  openLmdbBackend,
  openLmdbReader,
  type LmdbReader,
  type MaintainedBackend,
  type SegmentKey,
} from '../../../src/storage/index.js';
import { sampleSegments } from '../../codec/samples.js';
import { core, segment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const samples = sampleSegments(300, 1);
const registry = trainHere(
  core.module,
  samples.map((tokens) => core.fromTokens(tokens)),
  { id: 1 },
);

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let reader: LmdbReader;
let readersCodec: LiveCodec;
let keys: SegmentKey[];

/** A reader that has not heard of a registry, with which another process has written since. */
beforeEach(async () => {
  folder = await temporaryFolder();
  const codec = createLiveCodec(core);
  backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 1_000 });
  readersCodec = createLiveCodec(core);
  reader = await openLmdbReader({
    folder: folder.path,
    codec: readersCodec,
    lease: () => () => undefined,
    sharers: 1,
  });
  await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
  const stored = samples
    .filter(({ length }) => length >= 30)
    .slice(0, 20)
    .map((tokens) => {
      const plain = segment(...tokens);
      return { ...plain, frame: codec.encode(core.fromTokens(tokens)) };
    });
  expect(new Set(stored.map(({ frame }) => frameRegistryId(frame)))).toEqual(new Set([1]));
  await backend.commit(storing('c', stored));
  keys = (await backend.findSegments(stored.map(({ hash }) => hash))).map((found) => found!.key);
  reader.refresh();
});
afterEach(async () => {
  await reader.close();
  await backend.close();
  await folder.remove();
});

describe('a reader that has not heard of a registry', () => {
  it('can decode the frames that it reads', async () => {
    const frames = await reader.readFrames(keys);
    for (const frame of frames) expect(readersCodec.decode(frame).tokenCount).toBeGreaterThan(0);
  });

  it('knows what they are called', async () => {
    expect(await reader.readHashes(keys)).toEqual(await backend.readHashes(keys));
  });

  it('finds the vault whole', async () => {
    expect(await reader.check()).toEqual([]);
  });
});
