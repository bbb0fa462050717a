import { expect, it } from 'vitest';
import { longSegment, useBench } from '../../contract/support.js';

const bench = useBench('lmdb', { sync: false });
const SEGMENTS = 600;
const { signal } = new AbortController();

it('a vault opens when one change has deleted most segments of a pack of several pages', async () => {
  const { backend } = bench();
  const segments = Array.from({ length: SEGMENTS }, (_, at) => longSegment(60, at));
  await backend.commit({ newSegments: segments });
  const hashes = segments.map(({ hash }) => hash);
  // Packs that are half empty are refilled.
  await backend.commit({ deleteSegments: hashes.filter((_, at) => at % 2 === 1) });
  await backend.defragment!(signal);
  await backend.commit({ deleteSegments: hashes.filter((_, at) => at % 16 !== 0) });
  expect(await backend.check()).toEqual([]);
  await backend.overwriteUnused!({ signal, waitMs: 0 });

  await bench().reopen();
  const isKept = (_: unknown, at: number) => at % 16 === 0;
  const found = await bench().backend.findSegments(hashes);
  expect(found.map((each) => each !== undefined)).toEqual(hashes.map(isKept));
  const keys = found.flatMap((each) => (each ? [each.key] : []));
  expect(await bench().backend.readHashes(keys)).toEqual(hashes.filter(isKept));
});
