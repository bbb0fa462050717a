import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits, StowkenError } from '../../src/model/index.js';
import type { UploadInput, UploadPart } from '../../src/vault/index.js';
import { sampleOr } from '../support/sample.js';
import { say, signal, spec, wordsOf, type TestVault } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

describe.each(storageKinds)('over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  const begin = (role: string): UploadPart => ({
    kind: 'message',
    speaker: { role, name: '', toolCallId: '' },
  });
  const words = (tokens: readonly number[]): UploadPart => ({
    kind: 'tokens',
    content: { kind: 'le32', bytes: wordsOf(tokens) },
  });
  const text = (content: string): UploadPart => ({
    kind: 'tokens',
    content: { kind: 'text', utf8: Buffer.from(content) },
  });
  const finish = (totalTokens?: number): UploadPart => ({ kind: 'finish', totalTokens });

  async function* source(parts: readonly UploadPart[]) {
    yield* parts;
  }

  const upload = (input: string | UploadInput, ...parts: readonly UploadPart[]) =>
    t.vault.upload(typeof input === 'string' ? { spec: spec(input) } : input, source(parts), signal);

  const count = (from: number, length: number) => Array.from({ length }, (_, index) => (from + index) * 7919);

  describe('an upload', () => {
    it('stores what a store of the same messages stores, however its blocks are cut', async () => {
      const message = fc.array(fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 30 }), {
        maxLength: 5,
      });
      let next = 0;
      const property = fc.asyncProperty(fc.array(message, { maxLength: 10 }), async (messages) => {
        const id = `c${next++}`;
        const parts = messages.flatMap((blocks, index) => [begin(`r${index}`), ...blocks.map(words)]);
        const total = messages.flat(2).length;
        const { conversation } = await upload(id, ...parts, finish(total));
        expect(conversation).toMatchObject({
          revision: 1,
          totalTokens: total,
          messageCount: messages.length,
        });
        const same = messages.map((blocks, index) => say(`r${index}`, blocks.flat()));
        const stored = await t.vault.store({ spec: spec(id), messages: same }, signal);
        expect(stored.unchanged).toBe(true);
      });
      await fc.assert(property, { numRuns: kind === 'memory' ? 100 : sampleOr(12, 30) });
    });

    it('asks before it keeps more, in proportion to what it keeps, and not when it is short', async () => {
      const asked: number[] = [];
      const memory = {
        keep: (bytes: number) => Promise.resolve(void asked.push(bytes)),
        give: (bytes: number) => void asked.push(-bytes),
      };
      const uploadOf = (id: string, messages: number) => {
        const parts = Array.from({ length: messages }, (_, index) => [
          begin(`r${index}`),
          words([index % 500]),
        ]);
        const all = [...parts.flat(), finish(messages)];
        return t.vault.upload({ spec: spec(id) }, source(all), signal, memory);
      };
      await uploadOf('short', 100);
      expect(asked).toEqual([]);
      await uploadOf('long', 20_000);
      const listBytes = 20_000 * 40;
      const sum = asked.reduce((all, bytes) => all + bytes, 0);
      expect(sum).toBeGreaterThan(listBytes);
      expect(sum).toBeLessThan(8 * listBytes);
    });

    it('ends when it may not keep more, and leaves garbage', async () => {
      const full = new StowkenError('OVERLOADED', 'no room');
      const all = [begin('user'), words(count(0, 100_000)), words(count(100_000, 100_000)), finish(200_000)];
      const memory = { keep: () => Promise.reject(full), give: () => undefined };
      const refused = t.vault.upload({ spec: spec('a') }, source(all), signal, memory);
      await expect(refused).rejects.toBe(full);
      expect(await t.vault.stats()).toMatchObject({ conversations: 0 });
    });

    it('cuts long messages where a store does, in blocks of any size', async () => {
      const lengths = [
        limits.segmentWholeTokensMax,
        limits.segmentWholeTokensMax + 1,
        64 * 1024,
        64 * 1024 + 1,
        300_000,
      ];
      const messages = lengths.map((length, index) => count(index * 1_000_000, length));
      const total = messages.flat().length;
      await t.vault.store({ spec: spec('a'), messages: messages.map((one) => say('user', one)) }, signal);
      for (const block of [37, 4096, 77_777, total]) {
        const parts = messages.flatMap((tokens) => [
          begin('user'),
          ...Array.from({ length: Math.ceil(tokens.length / block) }, (_, index) =>
            words(tokens.slice(index * block, (index + 1) * block)),
          ),
        ]);
        expect(await upload('a', ...parts, finish(total))).toMatchObject({ unchanged: true, newSegments: 0 });
      }
    });

    it('joins the blocks of a text before it encodes them, and counts its tokens itself', async () => {
      const whole = 'Antidisestablishmentarianism, 漢字 and 👩‍👩‍👧‍👦.';
      const pieces = Array.from(whole, text);
      const { conversation } = await upload(
        'a',
        begin('user'),
        ...pieces,
        begin('tool'),
        words([1]),
        finish(),
      );
      expect(conversation.messageCount).toBe(2);
      const same = [say('user', whole), say('tool', [1])];
      expect(await t.vault.store({ spec: spec('a'), messages: same }, signal)).toMatchObject({
        unchanged: true,
      });
    });

    it('tells what was new over all of its batches', async () => {
      const messages = count(0, 5).map((_, index) => count(index * 100_000, 90_000));
      const parts = messages.flatMap((tokens) => [begin('user'), words(tokens)]);
      const first = await upload('a', ...parts, finish(450_000));
      const { segmentBytes, segments } = await t.vault.stats();
      expect(first).toMatchObject({ totalSegments: segments, newSegments: segments, newTokens: 450_000 });
      expect(first.storedBytes).toBe(segmentBytes);
      const again = await upload('b', ...parts, begin('user'), words([1]), finish(450_001));
      expect(again).toMatchObject({ totalSegments: segments + 1, newSegments: 1, newTokens: 1 });
    });

    const refused: [string, UploadPart[], string][] = [
      ['tokens before any message', [words([1])], 'tokens'],
      ['a part after finish', [finish(0), begin('user')], 'message'],
      ['two ends', [finish(0), finish(0)], 'finish'],
      ['no finish', [begin('user'), words([1])], 'finish'],
      ['nothing at all', [], 'finish'],
      ['text and tokens in one message', [begin('user'), text('x'), words([1])], 'tokens.content'],
      ['a total that is too small', [begin('user'), words([1, 2]), finish(1)], 'finish.total_tokens'],
      ['a total that is too large', [begin('user'), words([1, 2]), finish(3)], 'finish.total_tokens'],
      ['no total', [begin('user'), words([1, 2]), finish()], 'finish.total_tokens'],
      ['a wrong total with text', [begin('user'), text('hello'), finish(99)], 'finish.total_tokens'],
    ];
    it.each(refused)('is refused with %s', async (_name, parts, field) => {
      await expect(upload('a', ...parts)).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field },
      });
      await expect(t.vault.get('a')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    });

    it('encodes text with the tokenizer of the model, if none is named', async () => {
      const input = { spec: spec('a', { tokenizer: '', model: 'gpt-4-turbo' }) };
      const { conversation } = await upload(input, begin('user'), text('Grüße, 世界'), finish());
      expect(conversation.tokenizer).toBe('cl100k_base');
      const same = { spec: input.spec, messages: [say('user', 'Grüße, 世界')] };
      expect(await t.vault.store(same, signal)).toMatchObject({ unchanged: true });
    });

    it('names malformed tokens and unknown tokenizers', async () => {
      const half: UploadPart = { kind: 'tokens', content: { kind: 'le32', bytes: new Uint8Array(3) } };
      await expect(upload('a', begin('user'), half)).rejects.toMatchObject({
        reason: 'MALFORMED_TOKENS',
        metadata: { field: 'tokens.tokens_le32' },
      });
      const input = { spec: spec('a', { tokenizer: 'llama-3' }) };
      await expect(upload(input, begin('user'), text('x'), finish())).rejects.toMatchObject({
        reason: 'UNKNOWN_TOKENIZER',
      });
    });

    it('refuses text that is too long for one message', async () => {
      const block = text('x'.repeat(limits.uploadTextBytesMax / 4));
      const parts = [begin('user'), block, block, block, block];
      await expect(upload('a', ...parts, text('y'))).rejects.toMatchObject({
        reason: 'REQUEST_TOO_LARGE',
        metadata: { field: 'tokens.text', limit: String(limits.uploadTextBytesMax) },
      });
    });

    it('expects of the conversation what a store expects', async () => {
      await upload('a', begin('user'), words([1]), finish(1));
      const other = [begin('user'), words([2]), finish(1)];
      await expect(upload('a', ...other)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
      const wrong = { spec: spec('a'), ifRevision: 7 };
      await expect(upload(wrong, ...other)).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
      const { conversation } = await upload({ spec: spec('a'), ifRevision: 1 }, ...other);
      expect(conversation.revision).toBe(2);
      expect((await upload('a', ...other)).unchanged).toBe(true);
    });
  });

  describe('the segments of an upload under way', () => {
    const long = count(1, limits.uploadBatchTokensMax + 1);

    /** Uploads; `meanwhile` is called when the long message, and with it a batch, has been taken. */
    async function interrupted(meanwhile: () => Promise<void>, end: readonly UploadPart[]) {
      async function* parts() {
        yield begin('user');
        yield words(long.slice(0, 200_000));
        yield words(long.slice(200_000));
        yield begin('user');
        await meanwhile();
        yield* end;
      }
      return t.vault.upload({ spec: spec('a') }, parts(), signal);
    }
    const collect = async () => {
      for await (const _ of t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal)) void _;
      return (await t.vault.stats()).segments;
    };

    it('are not collected, and not seen', async () => {
      const meanwhile = async () => {
        expect(await collect()).toBeGreaterThan(0);
        await expect(t.vault.get('a')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
        expect(await t.vault.stats()).toMatchObject({ conversations: 0 });
      };
      const { conversation } = await interrupted(meanwhile, [finish(long.length)]);
      expect(conversation.totalTokens).toBe(long.length);
    });

    it('are not collected when they were old garbage, or became garbage', async () => {
      await t.vault.store({ spec: spec('old'), messages: [say('user', long)] }, signal);
      await t.vault.delete('old', { allowMissing: false });
      t.clock.nowMs += 3_600_000;
      await interrupted(async () => void (await collect()), [finish(long.length)]);
      await t.vault.delete('a', { allowMissing: false });
      await collect();

      await t.vault.store({ spec: spec('live'), messages: [say('user', long)] }, signal);
      const meanwhile = async () => {
        await t.vault.delete('live', { allowMissing: false });
        await collect();
      };
      await interrupted(meanwhile, [finish(long.length)]);
      expect((await t.vault.get('a')).totalTokens).toBe(long.length);
    });

    it('are garbage when it fails, and are let go of', async () => {
      const failing = interrupted(() => Promise.reject(new Error('the connection broke')), []);
      await expect(failing).rejects.toThrow('the connection broke');
      expect((await t.vault.stats()).garbageSegments).toBeGreaterThan(0);
      expect(await collect()).toBe(0);
    });

    it('are garbage when it is cancelled', async () => {
      const abort = new AbortController();
      async function* parts() {
        yield begin('user');
        yield words(long);
        yield begin('user');
        abort.abort();
        yield finish(long.length);
      }
      const uploading = t.vault.upload({ spec: spec('a') }, parts(), abort.signal);
      await expect(uploading).rejects.toMatchObject({ reason: 'CANCELLED' });
      expect(await collect()).toBe(0);
    });
  });

  describe('uploads at once', () => {
    it('are limited, and a place is free again when one ends', async () => {
      const ends: (() => void)[] = [];
      const waiting = Array.from({ length: limits.uploadsMax }, (_, index) => {
        async function* parts(): AsyncGenerator<UploadPart> {
          await new Promise<void>((resolve) => ends.push(resolve));
          yield finish(0);
        }
        return t.vault.upload({ spec: spec(`c${index}`) }, parts(), signal);
      });
      await expect(upload('one more', finish(0))).rejects.toMatchObject({
        reason: 'OVERLOADED',
        metadata: { limit: String(limits.uploadsMax) },
      });
      ends[0]!();
      await waiting[0];
      await upload('one more', finish(0));
      for (const end of ends) end();
      await Promise.all(waiting);
      expect((await t.vault.stats()).conversations).toBe(limits.uploadsMax + 1);
    });

    it('of many messages all become visible', async () => {
      const messages = limits.uploadTogetherMessagesMax + 1;
      const parts = Array.from({ length: messages }, (_, index) => [
        begin('user'),
        words([index % 500]),
      ]).flat();
      const both = ['a', 'b'].map((id) => upload(id, ...parts, finish(messages)));
      for (const { conversation } of await Promise.all(both))
        expect(conversation.messageCount).toBe(messages);
      const wrong = upload('c', ...parts, finish(messages + 1));
      await expect(wrong).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    });
  });
});
