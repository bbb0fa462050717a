import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { isComplete, salvageLmdb, type ManagedBackend } from '../../../src/storage/index.js';
import { core, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { openAt } from './shapes.js';

const SEGMENTS = 600;
const segments = Array.from({ length: SEGMENTS }, (_, at) => longSegment(60, at));
const hashes = segments.map(({ hash }) => hash);
const isKept = (_: unknown, at: number) => at % 16 === 0;
const { signal } = new AbortController();

let folder: TemporaryFolder;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

async function expectKept(backend: ManagedBackend): Promise<void> {
  expect(await backend.check()).toEqual([]);
  const found = await backend.findSegments(hashes);
  expect(found.map((each) => each !== undefined)).toEqual(hashes.map(isKept));
  const keys = found.flatMap((each) => (each ? [each.key] : []));
  expect(await backend.readHashes(keys)).toEqual(hashes.filter(isKept));
}

it('a vault opens, and is salvaged, when one change has deleted most segments of a pack of several pages', async () => {
  const vault = join(folder.path, 'vault');
  const backend = await openAt(vault);
  await backend.commit({
    newSegments: segments,
    put: {
      spec: spec('kept'),
      messages: segments.filter(isKept).map((each) => message('user', each)),
      expect: { kind: 'absentOrSame' },
      timeMs: 1_000,
    },
  });
  // Packs that are half empty are refilled.
  await backend.commit({ deleteSegments: hashes.filter((_, at) => at % 2 === 1) });
  await backend.defragment(signal);
  await backend.commit({ deleteSegments: hashes.filter((each, at) => !isKept(each, at)) });
  await backend.overwriteUnused({ signal, waitMs: 0 });
  await expectKept(backend);
  await backend.close();

  const again = await openAt(vault);
  await expectKept(again);
  await again.close();
  const to = join(folder.path, 'salvaged');
  const codec = () => createLiveCodec(core);
  const report = await salvageLmdb({ from: vault, to, codec, nowMs: 5_000 });
  expect(isComplete(report)).toBe(true);
  const salvaged = await openAt(to);
  await expectKept(salvaged);
  await salvaged.close();
});
