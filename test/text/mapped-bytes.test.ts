import { expect, it } from 'vitest';
import { MappedBytes, releaseBytes } from '../../src/text/mapped-bytes.js';

const bytesMax = 16 * 1024 * 1024;

function gather(...sizes: readonly number[]): { gathered: MappedBytes; expected: Buffer } {
  const gathered = new MappedBytes(bytesMax);
  const parts = sizes.map((size, index) => Buffer.alloc(size, index + 1));
  for (const part of parts) gathered.add(part);
  return { gathered, expected: Buffer.concat(parts) };
}

it.each([[[]], [[0]], [[1, 2, 3]], [[65_535, 1, 1]], [[70_000]], [[1, bytesMax - 2, 1]], [[bytesMax]]])(
  'gathers bytes in order: %j',
  (sizes) => {
    const { gathered, expected } = gather(...sizes);
    expect(gathered.length).toBe(expected.length);
    expect(expected.equals(gathered.finish())).toBe(true);
  },
);

it('returns the memory of many bytes at once, here or where they were sent', () => {
  const kept = gather(100_000).gathered;
  const view = kept.finish();
  kept.release();
  expect([view.length, view.buffer.byteLength, kept.length]).toEqual([0, 0, 0]);
  const sent = gather(100_000).gathered.finish();
  const received = structuredClone(sent, { transfer: [sent.buffer] });
  expect([sent.length, received.length]).toEqual([0, 100_000]);
  releaseBytes(sent);
  releaseBytes(received);
  expect(received.buffer.byteLength).toBe(0);
});
