import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { RetrievePart, RetrieveRange, TokenEncoding } from '../../src/vault/index.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

describe.each(storageKinds)('over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  type ChunkPart = Extract<RetrievePart, { kind: 'chunk' }>;

  async function chunks(id: string, range: RetrieveRange, encoding: TokenEncoding = 'le32') {
    const [header, ...rest] = await collectAll(partsOf(t.vault.retrieve({ id, encoding, ...range }, signal)));
    expect(header?.kind).toBe('header');
    return rest as ChunkPart[];
  }

  function tokensIn({ content }: ChunkPart): number[] {
    if (content?.kind === 'le32') return [...new Uint32Array(new Uint8Array(content.bytes).buffer)];
    return content?.kind === 'varints' ? [...t.core.toTokens(content.bytes)] : [];
  }

  /** Returns a chunk's tokens as 4-byte words, without a JavaScript number for each. */
  function wordsIn({ content }: ChunkPart): Uint8Array {
    if (content?.kind === 'le32') return content.bytes;
    return content?.kind === 'varints' ? bytesOf(t.core.toTokens(content.bytes)) : new Uint8Array();
  }

  /** Joins the content of chunks: begin and end of every message, and its tokens. */
  function joined(parts: readonly ChunkPart[]) {
    const messages: { index: number; from: number; tokens: number[]; role: string; ends: boolean }[] = [];
    for (const part of parts) {
      let message = messages.at(-1);
      if (message?.index !== part.messageIndex) {
        expect(part.message).toBeDefined();
        message = {
          index: part.messageIndex,
          from: part.tokenOffset,
          tokens: [],
          role: part.message!.role,
          ends: false,
        };
        messages.push(message);
      } else {
        expect(part.message).toBeUndefined();
      }
      expect(message.ends).toBe(false);
      expect(part.tokenOffset).toBe(message.from + message.tokens.length);
      for (const token of tokensIn(part)) message.tokens.push(token);
      message.ends = part.endOfMessage;
    }
    return messages;
  }

  /** Returns the result that a range must give, from the messages' tokens: the contract, word by word. */
  function expected(messages: readonly number[][], range: Required<RetrieveRange>) {
    const total = messages.flat().length;
    const to = (offset: number, limit: number) => (limit === 0 ? Infinity : offset + limit);
    const [from, end] = [range.tokenOffset, to(range.tokenOffset, range.tokenLimit)];
    let position = 0;
    return messages.flatMap((tokens, index) => {
      const start = position;
      position += tokens.length;
      const inMessages = index >= range.messageOffset && index < to(range.messageOffset, range.messageLimit);
      const inTokens =
        tokens.length > 0
          ? start < end && position > from
          : start >= from &&
            (start < end || (start === total && end >= total)) &&
            !(from > 0 && from === total);
      if (!inMessages || !inTokens) return [];
      const first = Math.max(0, from - start);
      const part = tokens.slice(first, end - start);
      const ends = first + part.length === tokens.length;
      return [{ index, from: first, tokens: part, role: `r${index}`, ends }];
    });
  }

  const message = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 6 });
  const conversation = fc.array(message, { maxLength: 8 });

  async function store(id: string, messages: readonly number[][]): Promise<void> {
    const said = messages.map((tokens, index) => say(`r${index}`, tokens));
    await t.vault.store({ spec: spec(id), messages: said }, signal);
  }

  /** Returns a number from 0 to the end, both included. */
  const within = (part: number, end: number) => Math.round(part * end);
  const part = fc.double({ min: 0, max: 1, noNaN: true });

  describe('a range', () => {
    it('of messages, of tokens or of both gives what lies in it', async () => {
      let next = 0;
      const property = fc.asyncProperty(
        conversation,
        fc.tuple(part, fc.nat({ max: 9 }), part, fc.nat({ max: 50 })),
        fc.constantFrom<TokenEncoding>('le32', 'tokens'),
        async (messages, [messageAt, messageLimit, tokenAt, tokenLimit], encoding) => {
          const id = `c${next++}`;
          await store(id, messages);
          const range = {
            messageOffset: within(messageAt, messages.length),
            messageLimit,
            tokenOffset: within(tokenAt, messages.flat().length),
            tokenLimit,
          };
          expect(joined(await chunks(id, range, encoding))).toEqual(expected(messages, range));
        },
      );
      await fc.assert(property, { numRuns: kind === 'memory' ? sampleOr(300, 500) : sampleOr(25, 50) });
    });

    it('after range gives the whole, in tokens and in messages, wherever it is cut', async () => {
      let next = 0;
      const property = fc.asyncProperty(conversation, fc.array(part), async (messages, cuts) => {
        const id = `c${next++}`;
        await store(id, messages);
        for (const [kind, end] of [
          ['message', messages.length],
          ['token', messages.flat().length],
        ] as const) {
          const borders = [...new Set([0, ...cuts.map((cut) => within(cut, end)), end])].sort(
            (a, b) => a - b,
          );
          const got: ReturnType<typeof joined> = [];
          for (const [index, offset] of borders.slice(0, -1).entries()) {
            const limit = borders[index + 1]! - offset;
            const range =
              kind === 'message'
                ? { messageOffset: offset, messageLimit: limit }
                : { tokenOffset: offset, tokenLimit: limit };
            for (const one of joined(await chunks(id, range))) {
              const last = got.at(-1);
              if (last?.index !== one.index) got.push(one);
              else got.splice(-1, 1, { ...last, tokens: [...last.tokens, ...one.tokens], ends: one.ends });
            }
          }
          // Without an extent, there are no ranges either.
          if (end > 0) {
            expect(got).toEqual(
              messages.map((tokens, index) => ({ index, from: 0, tokens, role: `r${index}`, ends: true })),
            );
          }
        }
      });
      await fc.assert(property, { numRuns: kind === 'memory' ? 200 : sampleOr(15, 30) });
    });

    it('past the end is refused, at the end it is only the header', async () => {
      await store('a', [[1, 2, 3], [4], []]);
      expect(await chunks('a', { messageOffset: 3 })).toEqual([]);
      expect(await chunks('a', { tokenOffset: 4 })).toEqual([]);
      expect(await chunks('a', { messageOffset: 2, tokenLimit: 1 })).toEqual([]);
      const past: [RetrieveRange, string, string, string][] = [
        [{ messageOffset: 4 }, 'message_offset', '4', '3'],
        [{ tokenOffset: 5 }, 'token_offset', '5', '4'],
      ];
      for (const [range, field, size, limit] of past) {
        const retrieving = chunks('a', range);
        await expect(retrieving).rejects.toMatchObject({
          reason: 'RANGE_PAST_END',
          metadata: { field, size, limit },
        });
      }
      await store('empty', []);
      expect(await chunks('empty', {})).toEqual([]);
    });

    it('goes over the chunks and segments of a long message', async () => {
      const long = Array.from({ length: limits.segmentTokensMax + 300_000 }, (_, index) => index * 5003);
      const all = Uint32Array.from([7, ...long, 8]);
      await store('a', [[7], long, [8]]);
      for (const [tokenOffset, tokenLimit] of [
        [limits.segmentTokensMax - 5, 20],
        [3, 700_000],
        [long.length, 2],
      ] as const) {
        for (const encoding of ['le32', 'tokens'] as const) {
          const got = (await chunks('a', { tokenOffset, tokenLimit }, encoding)).map(wordsIn);
          const want = all.subarray(tokenOffset, tokenOffset + tokenLimit);
          expect(Buffer.concat(got).equals(bytesOf(want))).toBe(true);
        }
      }
    });

    it('reads the frames of the range, and no others', async () => {
      const messages = Array.from({ length: 3000 }, (_, index) => [index, index + 1]);
      await store('a', messages);
      let read = 0;
      const readFrames = t.backend.readFrames.bind(t.backend);
      t.backend.readFrames = (keys) => {
        read += keys.length;
        return readFrames(keys);
      };
      expect((await chunks('a', { messageOffset: 2000, messageLimit: 5 })).length).toBe(5);
      expect((await chunks('a', { tokenOffset: 5001, tokenLimit: 4 })).length).toBe(3);
      expect(read).toBe(8);
    });

    it('of one revision is not continued in another', async () => {
      await store('a', [[1], [2]]);
      await t.vault.append({ id: 'a', messages: [say('user', [3])] }, signal);
      const continued = t.vault.retrieve(
        { id: 'a', encoding: 'le32', tokenOffset: 1, ifRevision: 1 },
        signal,
      );
      await expect(collectAll(continued)).rejects.toMatchObject({
        reason: 'REVISION_MISMATCH',
        metadata: { revision: '2' },
      });
    });
  });

  describe('a range of text', () => {
    const textOf = async (range: RetrieveRange) =>
      (await chunks('a', range, 'text')).map(({ content, tokenOffset, endOfMessage }) => {
        if (content?.kind !== 'text') throw new Error('no text');
        return { text: content.text, replaced: content.replaced, tokenOffset, endOfMessage };
      });

    it('is the text of its tokens; a character that it cuts is replaced, and says so', async () => {
      const emoji = '👩‍👩‍👧‍👦';
      const { le32 } = await t.tokenizers.encode('o200k_base', [Buffer.from(emoji)], signal);
      const words = le32[0]!;
      const tokens = words.length / 4;
      await t.vault.store({ spec: spec('a'), messages: [say('user', emoji), say('tool', 'fine')] }, signal);
      const whole = { replaced: false, tokenOffset: 0, endOfMessage: true };
      expect(await textOf({ tokenLimit: tokens })).toEqual([{ ...whole, text: emoji }]);
      expect(await textOf({ tokenOffset: tokens })).toEqual([{ ...whole, text: 'fine' }]);
      let cut = 0;
      for (let at = 1; at < tokens; at++) {
        const [head] = await textOf({ tokenLimit: at });
        const [tail] = await textOf({ tokenOffset: at, tokenLimit: tokens - at });
        expect(head).toMatchObject({ tokenOffset: 0, endOfMessage: false });
        expect(tail).toMatchObject({ tokenOffset: at, endOfMessage: true });
        expect(tail!.replaced).toBe(head!.replaced);
        if (head!.replaced) {
          cut++;
          expect(head!.text + tail!.text).toContain('\ufffd');
        } else {
          expect(head!.text + tail!.text).toBe(emoji);
        }
      }
      expect(cut).toBeGreaterThan(0);
    });

    it('goes on within a long message', async () => {
      const text = 'The quick brown fox jumps over the lazy dog. '.repeat(40_000);
      await t.vault.store({ spec: spec('a'), messages: [say('user', text)] }, signal);
      const { totalTokens } = await t.vault.get('a');
      const cut = Math.floor(totalTokens / 3);
      const parts = [...(await textOf({ tokenLimit: cut })), ...(await textOf({ tokenOffset: cut }))];
      expect(parts.map((one) => one.text).join('') === text).toBe(true);
      expect(parts.map(({ endOfMessage }) => endOfMessage).indexOf(true)).toBe(parts.length - 1);
    });
  });

  describe('a page of a description', () => {
    it('has as many messages as were asked for, and says where to go on', async () => {
      await store('a', [[1], [], [2, 3], [4]]);
      const page = await t.vault.getWithMessages('a', { messageOffset: 1, messageLimit: 2, ifRevision: 1 });
      expect(page.messages.map(({ role, tokenCount }) => [role, tokenCount])).toEqual([
        ['r1', 0],
        ['r2', 2],
      ]);
      expect(page.next).toBe(3);
      const last = await t.vault.getWithMessages('a', { messageOffset: 3 });
      expect([last.messages.length, last.next]).toEqual([1, undefined]);
      const past = t.vault.getWithMessages('a', { messageOffset: 5 });
      await expect(past).rejects.toMatchObject({ reason: 'RANGE_PAST_END' });
      const other = t.vault.getWithMessages('a', { ifRevision: 2 });
      await expect(other).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
    });

    it('ends before it has more bytes than a client takes', async () => {
      // Roles as long as they may be fill a page with fewer messages.
      const role = 'r'.repeat(limits.labelBytesMax);
      const messages = Array.from({ length: 14_000 }, (_, index) => say(role, [index]));
      await t.vault.store({ spec: spec('a'), messages }, signal);
      const hashes: string[] = [];
      let pages = 0;
      for (let next: number | undefined = 0; next !== undefined; pages++) {
        const page = await t.vault.getWithMessages('a', { messageOffset: next });
        hashes.push(...page.messages.map(({ segments }) => segments[0]!.hash));
        next = page.next;
      }
      expect(pages).toBeGreaterThan(1);
      expect(new Set(hashes).size).toBe(messages.length);
    });
  });
});
