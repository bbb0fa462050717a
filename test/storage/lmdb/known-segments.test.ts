import { expect, it } from 'vitest';
import { longSegment, storing, useBench } from '../../contract/support.js';

const bench = useBench('lmdb');
const [first, second] = [longSegment(100, 1), longSegment(100, 2)];

it('remembers segments that it stored, all or none', async () => {
  const { backend } = bench();
  expect(backend.knownSegments?.([first.hash])).toBeUndefined();
  await backend.commit(storing('c', [first]));
  const [found] = await backend.findSegments([first.hash]);
  expect(backend.knownSegments?.([first.hash])).toEqual([found]);
  expect(backend.knownSegments?.([first.hash, second.hash])).toBeUndefined();
});

it('forgets a segment that was collected, and remembers the one stored after it', async () => {
  const { backend } = bench();
  await backend.commit({ newSegments: [first, second] });
  await backend.commit({ deleteSegments: [first.hash] });
  expect(backend.knownSegments?.([first.hash])).toBeUndefined();
  await backend.commit(storing('c', [first]));
  const found = await backend.findSegments([second.hash, first.hash]);
  expect(backend.knownSegments?.([second.hash, first.hash])).toEqual(found);
});
