import { expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { BatchSize } from '../../src/vault/compaction/scan.js';

it('batches shrink while they take too long, and grow again', () => {
  const { compactionBatchSegmentsMin: min, compactionBatchSegmentsMax: max, compactionBatchMs } = limits;
  const size = new BatchSize();
  expect(size.segments).toBe(max);
  size.took(compactionBatchMs);
  expect(size.segments).toBe(max);
  size.took(compactionBatchMs + 1);
  expect(size.segments).toBe(max / 2);
  for (let batch = 0; batch < 10; batch++) size.took(10 * compactionBatchMs);
  expect(size.segments).toBe(min);
  size.took(compactionBatchMs * 0.75);
  expect(size.segments).toBe(min);
  for (let batch = 0; batch < 10; batch++) size.took(1);
  expect(size.segments).toBe(max);
});
