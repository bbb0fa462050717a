import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RetrieveInput } from '../../src/vault/index.js';
import { openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
beforeAll(async () => (t = await openTestVault()));
afterAll(() => t.close());

const idsOf = (bytes: Uint8Array): number[] => [...new Uint32Array(Uint8Array.from(bytes).buffer)];

async function chunksOf(input: RetrieveInput) {
  const contents = [];
  for await (const part of partsOf(t.vault.retrieve(input, signal)))
    if (part.kind === 'chunk' && part.content !== undefined) contents.push(part.content);
  return contents;
}

describe('the tokens of text', () => {
  const texts = [
    'How long is a token?',
    'Größe, 大きさ, 크기, الحجم',
    '🧑‍🚀🎉 a\u0000b \u2028',
    'x '.repeat(300_000),
  ];

  it('come with it on request, each with its end in the text', async () => {
    const messages = texts.map((text) => say('user', text));
    await t.vault.store({ spec: spec('texts'), messages }, signal);
    const stored = (await chunksOf({ id: 'texts', encoding: 'le32' })).flatMap((content) =>
      content.kind === 'le32' ? idsOf(content.bytes) : [],
    );
    const ids: number[] = [];
    let bytes = 0;
    for (const content of await chunksOf({ id: 'texts', encoding: 'text', includeTokens: true })) {
      if (content.kind !== 'text') throw new Error(content.kind);
      const { le32, ends } = content.tokens!;
      const own = idsOf(le32);
      const utf8 = Buffer.from(content.text);
      expect(ends).toHaveLength(own.length);
      expect(ends!.every((end, index) => end > (ends![index - 1] ?? 0))).toBe(true);
      expect(ends!.at(-1)).toBe(utf8.length);
      // Each token decodes to the bytes between the two ends.
      for (const index of [0, own.length >> 1, own.length - 1]) {
        const part = utf8.subarray(ends![index - 1] ?? 0, ends![index]);
        const one = { le32: Buffer.from(Uint32Array.of(own[index]!).buffer), last: true };
        const [decoded] = await t.tokenizers.decode('o200k_base', [one], signal);
        if (!decoded!.replaced) expect(part.toString()).toBe(decoded!.text);
      }
      ids.push(...own);
      bytes += utf8.length;
    }
    expect(ids).toEqual(stored);
    expect(bytes).toBe(Buffer.byteLength(texts.join('')));
  });

  it('have no ends where bytes were replaced, and are not sent unless they are asked for', async () => {
    const emoji = (await t.tokenizers.encode('o200k_base', [Buffer.from('🧿')], signal)).le32[0]!;
    const content = { kind: 'le32' as const, bytes: Uint8Array.from(emoji.subarray(0, 4)) };
    await t.vault.store(
      { spec: spec('half'), messages: [{ role: 'user', name: '', toolCallId: '', content }] },
      signal,
    );
    expect(await chunksOf({ id: 'half', encoding: 'text', includeTokens: true })).toEqual([
      { kind: 'text', text: '\ufffd', replaced: true, tokens: { le32: content.bytes, ends: undefined } },
    ]);
    const plain = await chunksOf({ id: 'texts', encoding: 'text' });
    expect(plain.every((each) => !('tokens' in each))).toBe(true);
  });
});
