import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StowkenError } from '../../src/model/index.js';
import { RecentTexts } from '../../src/vault/recent-texts.js';

/** Encodes a letter to its code, and keeps what it was asked for. */
function encoder() {
  const asked: string[][] = [];
  const encode = (texts: readonly Uint8Array[]) => {
    asked.push(texts.map((text) => Buffer.from(text).toString()));
    const le32 = texts.map((text) => new Uint8Array(Uint32Array.from(text).buffer));
    return Promise.resolve({ le32, release: () => undefined });
  };
  return { asked, encode };
}

const bytesOf = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const plain = { tokenizer: 'o200k_base', specials: false };
const [a, b] = ['a'.repeat(100), 'b'.repeat(100)];

it('encodes a text twice, and knows it from then on', async () => {
  const recent = new RecentTexts(64 * 1024);
  const { asked, encode } = encoder();
  for (const texts of [[a], [a, 'x'], [a, b, a], ['x', a]]) {
    const { le32 } = await recent.encode({ ...plain, texts: bytesOf(...texts) }, encode);
    expect(le32.map((words) => Buffer.from(new Uint32Array(words.slice().buffer)).toString())).toEqual(texts);
  }
  expect(asked).toEqual([[a], [a, 'x'], [b], ['x']]);
  await recent.encode({ ...plain, specials: true, texts: bytesOf(a) }, encode);
  await recent.encode({ ...plain, tokenizer: 'cl100k_base', texts: bytesOf(a) }, encode);
  expect(asked.slice(4)).toEqual([[a], [a]]);
});

it('gives the tokens of each text, whatever came before', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 63, maxLength: 66 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(text, { maxLength: 6 }), { maxLength: 40 }), async (calls) => {
      const recent = new RecentTexts(16 * 1024);
      for (const texts of calls) {
        const { le32 } = await recent.encode({ ...plain, texts: bytesOf(...texts) }, encoder().encode);
        const found = le32.map((words) => Buffer.from(new Uint32Array(words.slice().buffer)).toString());
        expect(found).toEqual(texts);
      }
    }),
  );
});

it('keeps no tokens in the memory of a call, and names the text that is refused', async () => {
  const recent = new RecentTexts(64 * 1024);
  const { encode } = encoder();
  const texts = bytesOf(a);
  await recent.encode({ ...plain, texts }, encode);
  const { le32 } = await recent.encode({ ...plain, texts }, encode);
  le32[0]!.fill(0);
  texts[0]!.fill(0);
  const again = await recent.encode({ ...plain, texts: bytesOf(a) }, encode);
  expect(again.le32[0]![0]).toBe('a'.charCodeAt(0));
  const refuse = () =>
    Promise.reject(new StowkenError('REQUEST_TOO_LARGE', 'is too long', { text: '1', limit: '9' }));
  await expect(recent.encode({ ...plain, texts: bytesOf('x', a, 'y') }, refuse)).rejects.toMatchObject({
    metadata: { text: '2', limit: '9' },
  });
});
