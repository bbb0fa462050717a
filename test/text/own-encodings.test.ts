import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { decodeItems } from '../../src/text/decode-items.js';
import { createTokenizers } from '../../src/text/index.js';
import { OwnEncodings } from '../../src/text/own-encodings.js';
import { runThrough } from '../../src/text/slices.js';
import { anything } from './letters.js';

const threads = createTokenizers({ threadsMax: 1, loadedHereMax: 0 });
afterAll(() => threads.close());

it('converts short texts as another thread does, once a tokenizer is used again and again', async () => {
  const own = new OwnEncodings(1);
  expect(own.use('o200k_base')).toBeUndefined();
  await expect.poll(() => own.use('o200k_base'), { timeout: 30_000 }).toBeDefined();
  const encoding = own.use('o200k_base')!;
  const { signal } = new AbortController();
  await fc.assert(
    fc.asyncProperty(anything, fc.integer({ min: 0, max: 3 }), async (text, cut) => {
      const utf8 = new Uint8Array(Buffer.from(text));
      const ends = Uint32Array.of(utf8.length);
      const here = runThrough(encoding.encode({ utf8, ends }));
      const [there] = (await threads.encode('o200k_base', [utf8], signal)).le32;
      expect(Buffer.from(here.le32)).toEqual(Buffer.from(there!));
      // At an offset that is not aligned, in a buffer of Node's pool.
      const le32 = Buffer.concat([Buffer.alloc(1), here.le32]).subarray(1, 1 + here.le32.length - 4 * cut);
      for (const options of [
        { exact: true, ends: true },
        { exact: false, ends: false },
      ]) {
        const items = [{ le32, last: true }];
        const decoded = await threads.decode('o200k_base', items, signal, options);
        expect(runThrough(decodeItems(encoding, { items, ...options }))).toEqual(decoded);
      }
    }),
  );
});

it('keeps those that were used last', async () => {
  const own = new OwnEncodings(1);
  await expect.poll(() => own.use('r50k_base'), { timeout: 30_000 }).toBeDefined();
  expect(own.use('cl100k_base')).toBeUndefined();
  expect(own.use('r50k_base')).toBeUndefined();
});
