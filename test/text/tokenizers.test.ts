import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { createTokenizers, MappedBytes, type Tokenizers } from '../../src/text/index.js';

const tokenizers: Tokenizers = createTokenizers({ threadsMax: 1 });
const signal = new AbortController().signal;
afterAll(() => tokenizers.close());

async function encode(tokenizer: string, texts: readonly string[], wanted: AbortSignal) {
  const utf8 = texts.map((text) => Buffer.from(text));
  return (await tokenizers.encode(tokenizer, utf8, wanted)).le32;
}

async function roundTrip(tokenizer: string, text: string): Promise<string> {
  const [le32] = await encode(tokenizer, [text], signal);
  const [decoded] = await tokenizers.decode(tokenizer, [{ le32: le32!, last: true }], signal);
  expect(decoded!.tokenCount).toBe(le32!.length / 4);
  return decoded!.text;
}

const le32 = (...tokens: number[]) => new Uint8Array(Uint32Array.from(tokens).buffer);

describe('tokenizers', () => {
  it('resolves encodings and model names, and nothing else', () => {
    expect(tokenizers.resolve('o200k_base')).toBe('o200k_base');
    expect(tokenizers.resolve('gpt-4o')).toBe('o200k_base');
    expect(tokenizers.resolve('gpt-4')).toBe('cl100k_base');
    expect(tokenizers.resolve('text-davinci-003')).toBe('p50k_base');
    expect(tokenizers.ofModel('gpt-4')).toBe('cl100k_base');
    expect(tokenizers.ofModel('o200k_base')).toBeUndefined();
    for (const name of ['', 'llama-3', '__proto__', 'constructor']) {
      expect(tokenizers.resolve(name)).toBeUndefined();
    }
  });

  it('encodes as the tokenizer does, special-token text as ordinary text', async () => {
    const [hello, special] = await encode('gpt-4o', ['hello world', '<|endoftext|>'], signal);
    expect(hello).toEqual(le32(24912, 2375));
    expect(new Uint32Array(special!.buffer)).not.toContain(199999);
  });

  it('encodes special tokens where they are asked for', async () => {
    const texts = ['a<|endoftext|>b', '<|endofprompt|>', '<|endoftext', ''].map((text) => Buffer.from(text));
    const { le32: encoded } = await tokenizers.encode('o200k_base', texts, signal, { specials: true });
    expect(encoded.slice(0, 2)).toEqual([le32(64, 199999, 65), le32(200018)]);
    expect(encoded.slice(2)).toEqual(await encode('o200k_base', ['<|endoftext', ''], signal));
  });

  it.each(['o200k_base', 'cl100k_base', 'p50k_base', 'r50k_base'])(
    '%s gives every text back',
    async (name) => {
      for (const text of [
        '',
        '\ufeffmark',
        'a\ufeff',
        '\u0000',
        '👩‍👩‍👧‍👦 \u{10fffe}',
        'é',
        '<|im_start|>x',
        '  \n\n\t ',
      ]) {
        expect(await roundTrip(name, text)).toBe(text);
      }
      const graphemes = fc.string({ unit: 'grapheme', maxLength: 200 });
      const property = fc.asyncProperty(graphemes, async (text) => {
        expect(await roundTrip(name, text)).toBe(text);
      });
      await fc.assert(property, { numRuns: 50 });
    },
  );

  it('gives back a word of thousands of characters', async () => {
    const word = 'é'.repeat(20_000);
    expect(await roundTrip('r50k_base', word)).toBe(word);
  });

  it('decodes piece by piece without cutting a character', async () => {
    const text = 'naïve 漢字 👩‍👩‍👧‍👦 \u{1f9ff}\u{10fffe} fin';
    const [encoded] = await encode('r50k_base', [text], signal);
    for (let size = 1; size <= 5; size++) {
      let from = 0;
      let pending = 0;
      let result = '';
      while (from < encoded!.length) {
        pending += size * 4;
        const last = from + pending >= encoded!.length;
        const piece = encoded!.subarray(from, from + pending);
        const [decoded] = await tokenizers.decode('r50k_base', [{ le32: piece, last }], signal);
        result += decoded!.text;
        from += decoded!.tokenCount * 4;
        pending -= decoded!.tokenCount * 4;
      }
      expect(result).toBe(text);
    }
  });

  it('stops at a chunk of text, and says that there is more', async () => {
    const text = ' lots of words'.repeat(100_000);
    const [encoded] = await encode('o200k_base', [text], signal);
    const [decoded] = await tokenizers.decode('o200k_base', [{ le32: encoded!, last: true }], signal);
    expect(decoded!.more).toBe(true);
    expect(decoded!.text.length).toBeLessThanOrEqual(limits.chunkBytesMax);
    const rest = encoded!.subarray(decoded!.tokenCount * 4);
    const [end] = await tokenizers.decode('o200k_base', [{ le32: rest, last: true }], signal);
    expect(end!.more).toBe(false);
    expect(decoded!.text + end!.text).toBe(text);
  });

  it('does not wait for ever on bytes that are no character', async () => {
    const lead = 172; // r50k_base: the byte 0xf0
    const bad = le32(...Array<number>(100).fill(lead));
    const [decoded] = await tokenizers.decode('r50k_base', [{ le32: bad, last: false }], signal);
    expect(decoded!.tokenCount).toBeGreaterThan(0);
  });

  it('says when bytes are no UTF-8, and only then', async () => {
    const [lead, replacement] = [172, '\ufffd']; // r50k_base: the byte 0xf0
    const [fffd] = await encode('r50k_base', [`a${replacement}`], signal);
    const items = [le32(lead), le32(64, lead, 64), fffd!, le32(64), le32()];
    const decoded = await tokenizers.decode(
      'r50k_base',
      items.map((item) => ({ le32: item, last: true })),
      signal,
    );
    expect(decoded.map(({ text, replaced }) => [text, replaced])).toEqual([
      [replacement, true],
      [`a${replacement}a`, true],
      [`a${replacement}`, false],
      ['a', false],
      ['', false],
    ]);
  });

  it('decodes special tokens to their text and names a token that does not exist', async () => {
    const [decoded] = await tokenizers.decode('o200k_base', [{ le32: le32(199999), last: true }], signal);
    expect(decoded!.text).toBe('<|endoftext|>');
    await expect(
      tokenizers.decode('o200k_base', [{ le32: le32(24912, 4294967295), last: true }], signal),
    ).rejects.toMatchObject({ reason: 'UNDECODABLE_TOKEN', metadata: { token: '4294967295' } });
  });

  it('refuses a tokenizer that it does not know, naming those it does', async () => {
    await expect(encode('llama-3', ['x'], signal)).rejects.toMatchObject({
      reason: 'UNKNOWN_TOKENIZER',
      message: expect.stringContaining('serve is started with (--tokenizer NAME=FILE)') as string,
      metadata: { tokenizer: 'llama-3', known: expect.stringContaining('o200k_base') as string },
    });
  });

  it('stops a long encoding when it is cancelled, and goes on with the next', async () => {
    const controller = new AbortController();
    const long = encode('o200k_base', ['ab'.repeat(500_000)], controller.signal);
    controller.abort();
    await expect(long).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(await roundTrip('o200k_base', 'next')).toBe('next');
  });

  it('says that the server is shutting down when its threads end under a call', async () => {
    const others = createTokenizers({ threadsMax: 1 });
    const text = Buffer.from('ab'.repeat(500_000));
    const tokens = new Uint32Array(100_000).map((_, at) => at);
    const segments = { tokens, ends: Uint32Array.of(tokens.length) };
    const calls = [
      others.encode('o200k_base', [text], signal),
      others.decode('o200k_base', [{ le32: new Uint8Array(400_000), last: true }], signal),
      others.compare({ target: others.shingleTarget(segments), segments, together: true }, signal),
    ];
    const outcomes = Promise.allSettled(calls);
    await others.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'SHUTTING_DOWN' } });
    await expect(others.encode('o200k_base', [text], signal)).rejects.toMatchObject({
      reason: 'SHUTTING_DOWN',
    });
  });

  it('answers a short text before long runs that came first', async () => {
    const chinese = Array.from({ length: 40_000 }, (_, at) =>
      String.fromCharCode(0x4e00 + ((at * 7919) % 9000)),
    );
    const run = chinese.join('');
    const answered: string[] = [];
    const note = (name: string) => () => void answered.push(name);
    const long = [1, 2].map(() => encode('o200k_base', [run], signal));
    const all = [
      ...long.map((encoding) => encoding.then(note('long'))),
      encode('o200k_base', ['one line'], signal).then(note('short')),
      roundTrip('o200k_base', 'and back').then(note('round trip')),
    ];
    await Promise.all(all);
    expect(answered.slice(0, 2)).toEqual(['short', 'round trip']);
    const [decoded] = await tokenizers.decode(
      'o200k_base',
      [{ le32: (await long[0]!)[0]!, last: true }],
      signal,
    );
    expect(decoded!.text).toBe(run);
  });

  it('does not begin, or goes no further with, what nobody waits for', async () => {
    await expect(encode('o200k_base', ['x'], AbortSignal.abort())).rejects.toMatchObject({
      reason: 'CANCELLED',
    });
    const text = 'ab中 '.repeat(80_000);
    const controller = new AbortController();
    const many = Array.from({ length: 100 }, () => encode('o200k_base', [text], controller.signal));
    const outcomes = Promise.allSettled(many);
    await roundTrip('o200k_base', 'one line');
    controller.abort();
    const refused = (await outcomes).filter(({ status }) => status === 'rejected');
    // The first ones may be done before the last ones are sent.
    expect(refused.length).toBeGreaterThan(50);
    for (const { reason } of refused as PromiseRejectedResult[])
      expect(reason).toMatchObject({ reason: 'CANCELLED' });
  });

  it('refuses a run without a break that would take too much memory, and says where', async () => {
    const run = 'a'.repeat(limits.textRunBytesMax + 1);
    await expect(encode('o200k_base', ['fine', run], signal)).rejects.toMatchObject({
      reason: 'REQUEST_TOO_LARGE',
      metadata: { text: '1', limit: String(limits.textRunBytesMax) },
    });
  });

  it('moves a long text that is alone in its memory, and copies any other', async () => {
    const bytes = Buffer.from('one two '.repeat(20_000));
    const mapped = new MappedBytes(2 * bytes.length);
    mapped.add(bytes);
    const text = mapped.finish();
    const copied = await tokenizers.encode('o200k_base', [bytes], signal);
    const moved = await tokenizers.encode('o200k_base', [text], signal);
    expect(text.length).toBe(0);
    expect(bytes.length).toBe(160_000);
    expect(Buffer.compare(moved.le32[0]!, copied.le32[0]!)).toBe(0);
    mapped.release();
  });

  it('gives the memory of tokens back when it is told to', async () => {
    for (const text of ['short', 'long '.repeat(100_000)]) {
      const { le32: tokens, release } = await tokenizers.encode('o200k_base', [Buffer.from(text)], signal);
      expect(tokens[0]!.length).toBeGreaterThan(0);
      const { buffer } = tokens[0] as Uint8Array<ArrayBuffer>;
      release();
      if (text !== 'short') expect(buffer.byteLength).toBe(0);
    }
  });

  it('leaves the event loop free while it encodes', async () => {
    const text = 'some words and more of them. '.repeat(40_000);
    let encoded = false;
    const encoding = encode('o200k_base', [text], signal).then(() => (encoded = true));
    let turns = 0;
    for (; !encoded; turns++) await new Promise(setImmediate);
    await encoding;
    expect(turns).toBeGreaterThan(5);
  });
});
