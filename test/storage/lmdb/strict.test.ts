import { afterEach, expect, it, vi } from 'vitest';
import { RefCounts } from '../../../src/storage/lmdb/segments/ref-counts.js';
import { IdIndexWriter } from '../../../src/storage/lmdb/conversations/id-index.js';
import { longSegment, readConversation, storing, useBench } from '../../contract/support.js';
import type { SegmentId } from '../../../src/storage/lmdb/tables/ids.js';

afterEach(() => vi.restoreAllMocks());
const bench = useBench('lmdb', { sync: false });
const [a, b] = [longSegment(30, 1), longSegment(40, 2)];

it('a strict transaction that writes a record that no other agrees with is aborted', async () => {
  const { backend } = bench();
  await backend.commit(storing('c', [a]));
  vi.spyOn(IdIndexWriter.prototype, 'insert').mockImplementationOnce(() => undefined);
  await expect(backend.commit(storing('d', [a]))).rejects.toMatchObject({
    reason: 'INVARIANT_BROKEN',
    metadata: { invariant: 'an id leads to its conversation' },
  });
  const counts = RefCounts.prototype as RefCounts<SegmentId>;
  const set = Reflect.get<RefCounts<SegmentId>, 'set'>(counts, 'set');
  vi.spyOn(counts, 'set').mockImplementation(function (this: RefCounts<SegmentId>, id, count) {
    set.call(this, id, count === 1 ? 0 : count);
  });
  await expect(backend.commit(storing('e', [b]))).rejects.toMatchObject({ reason: 'INVARIANT_BROKEN' });
  vi.restoreAllMocks();
  expect(await readConversation(bench(), 'c')).toMatchObject({ messages: [{ hashes: [a.hash] }] });
  await backend.commit(storing('e', [b]));
});
