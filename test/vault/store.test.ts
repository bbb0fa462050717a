import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
beforeEach(async () => (t = await openTestVault()));
afterEach(() => t.close());

/** Returns every message's tokens, from either encoding. */
async function tokensOf(id: string, encoding: 'tokens' | 'le32'): Promise<number[][]> {
  const messages: number[][] = [];
  for await (const part of partsOf(t.vault.retrieve({ id, encoding }, signal))) {
    if (part.kind === 'header') continue;
    const list = (messages[part.messageIndex] ??= []);
    expect(part.tokenOffset).toBe(list.length);
    if (part.content?.kind === 'le32') list.push(...new Uint32Array(part.content.bytes.slice().buffer));
    if (part.content?.kind === 'varints') list.push(...t.core.toTokens(part.content.bytes));
  }
  return messages;
}

describe('store and retrieve', () => {
  it('gives every token of every message back, in both forms', async () => {
    const token = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffffffff }));
    const conversation = fc.array(fc.array(token, { maxLength: 50 }), { maxLength: 20 });
    let next = 0;
    const property = fc.asyncProperty(conversation, async (messages) => {
      const id = `c${next++}`;
      await t.vault.store(
        { spec: spec(id), messages: messages.map((tokens) => say('user', tokens)) },
        signal,
      );
      expect(await tokensOf(id, 'tokens')).toEqual(messages);
      expect(await tokensOf(id, 'le32')).toEqual(messages);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('encodes text with the tokenizer of the model, if none is named', async () => {
    const unnamed = { tokenizer: '', model: 'azure/gpt-35-turbo' };
    const { le32 } = await t.tokenizers.encode('cl100k_base', [Buffer.from('Grüße, 世界')], signal);
    const input = { spec: spec('text', unnamed), messages: [say('user', 'Grüße, 世界')], requestId: 'once' };
    const stored = await t.vault.store(input, signal);
    expect(stored.conversation.tokenizer).toBe('cl100k_base');
    expect(await tokensOf('text', 'tokens')).toEqual([[...new Uint32Array(le32[0]!.slice().buffer)]]);
    expect(await t.vault.store(input, signal)).toEqual(stored);
    const ids = await t.vault.store({ spec: spec('ids', unnamed), messages: [say('user', [1])] }, signal);
    expect(ids.conversation.tokenizer).toBe('');
    for (const model of ['', 'llama-3', 'o200k_base']) {
      const unknown = spec('unknown', { tokenizer: '', model });
      await expect(
        t.vault.store({ spec: unknown, messages: [say('user', 'text')] }, signal),
      ).rejects.toMatchObject({ reason: 'UNKNOWN_TOKENIZER' });
    }
  });

  it('stores tokens, words and text of the same content as the same segments', async () => {
    const text = 'Be exact: 漢字, 👩‍👩‍👧‍👦 and <|endoftext|> are ordinary.';
    const { le32 } = await t.tokenizers.encode('o200k_base', [Buffer.from(text)], signal);
    const words = le32[0];
    const { varints } = t.core.fromLe32(words!);
    const contents = [text, { kind: 'le32', bytes: words! }, { kind: 'varints', chunks: [varints] }] as const;
    const results = [];
    for (const [i, content] of contents.entries()) {
      results.push(await t.vault.store({ spec: spec(`c${i}`), messages: [say('user', content)] }, signal));
    }
    expect(results.map(({ newSegments }) => newSegments)).toEqual([1, 0, 0]);
    const described = await Promise.all(['c0', 'c1', 'c2'].map((id) => t.vault.getWithMessages(id)));
    const hashes = described.map(({ messages }) => messages[0]!.segments[0]!.hash);
    expect(hashes).toEqual(Array(3).fill(t.core.hashLe32(words!)));
  });

  it('makes a UUIDv7 where there is no id', async () => {
    const { conversation } = await t.vault.store({ spec: spec(''), messages: [] }, signal);
    expect(conversation.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('stores common prefixes once, and tells what is new', async () => {
    const history = [say('system', [1, 2, 3]), say('user', [4, 5])];
    const first = await t.vault.store({ spec: spec('a'), messages: history }, signal);
    expect(first).toMatchObject({ totalSegments: 2, newSegments: 2, newTokens: 5, unchanged: false });
    const longer = [...history, say('assistant', [6]), say('user', [4, 5])];
    const second = await t.vault.store({ spec: spec('b'), messages: longer }, signal);
    expect(second).toMatchObject({ totalSegments: 3, newSegments: 1, newTokens: 1 });
    expect(second.conversation).toMatchObject({ totalTokens: 8, messageCount: 4, revision: 1 });
  });

  it('accepts the same content again, refuses other content, replaces by revision', async () => {
    const messages = [say('user', [1, 2])];
    await t.vault.store({ spec: spec('a'), messages }, signal);
    const again = await t.vault.store({ spec: spec('a'), messages }, signal);
    expect(again).toMatchObject({ unchanged: true, newSegments: 0, conversation: { revision: 1 } });
    const other = { spec: spec('a'), messages: [say('user', [3])] };
    await expect(t.vault.store(other, signal)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    await expect(t.vault.store({ ...other, ifRevision: 7 }, signal)).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
      metadata: { revision: '1' },
    });
    const replaced = await t.vault.store({ ...other, ifRevision: 1 }, signal);
    expect(replaced.conversation).toMatchObject({ revision: 2, totalTokens: 1 });
    await expect(t.vault.store({ ...other, ifRevision: 0 }, signal)).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    expect(await tokensOf('a', 'le32')).toEqual([[3]]);
  });

  it('names the message whose tokens are malformed, and stores nothing', async () => {
    const bad = [
      [{ kind: 'le32', bytes: new Uint8Array(6) }, 'messages[1].tokens_le32'],
      [{ kind: 'varints', chunks: [Uint8Array.of(0x80)] }, 'messages[1].tokens'],
    ] as const;
    for (const [content, field] of bad) {
      const input = { spec: spec('a'), messages: [say('user', [1]), say('user', content)] };
      await expect(t.vault.store(input, signal)).rejects.toMatchObject({
        reason: 'MALFORMED_TOKENS',
        metadata: { field },
      });
    }
    expect(await t.vault.stats()).toMatchObject({ conversations: 0, segments: 0 });
  });

  it('refuses text with an unknown tokenizer, and takes tokens with any', async () => {
    const unknown = spec('a', { tokenizer: 'llama-3' });
    await expect(
      t.vault.store({ spec: unknown, messages: [say('user', 'x')] }, signal),
    ).rejects.toMatchObject({
      reason: 'UNKNOWN_TOKENIZER',
    });
    await t.vault.store({ spec: unknown, messages: [say('user', [1])] }, signal);
  });

  it('keeps a message whole up to a limit, and cuts a longer one by its content', async () => {
    const sizes = [limits.segmentWholeTokensMax, limits.segmentWholeTokensMax + 1, 200_000];
    for (const [index, length] of sizes.entries()) {
      const tokens = Uint32Array.from({ length }, (_, i) => (i * i) % 100_003);
      const content = { kind: 'le32', bytes: new Uint8Array(tokens.buffer) } as const;
      const messages = [say('user', content)];
      const { totalSegments } = await t.vault.store({ spec: spec(`words ${index}`), messages }, signal);
      if (index === 0) expect(totalSegments).toBe(1);
      else expect(totalSegments).toBeGreaterThan(1);
      // The same tokens in another form, without the first: only the segments around the change are new.
      const again = await t.vault.store(
        { spec: spec(`list ${index}`), messages: [say('user', [...tokens])] },
        signal,
      );
      expect(again.newSegments).toBe(0);
      const shifted = await t.vault.store(
        { spec: spec(`shifted ${index}`), messages: [say('user', [...tokens.subarray(1)])] },
        signal,
      );
      expect(shifted.newTokens).toBeLessThanOrEqual(2 * limits.segmentCutTokensMax);
    }
  });

  it('streams a long message back in chunks of the sizes that are promised', async () => {
    const tokens = Uint32Array.from({ length: limits.segmentTokensMax + 5 }, (_, i) => i * 7);
    const content = { kind: 'le32', bytes: new Uint8Array(tokens.buffer) } as const;
    await t.vault.store({ spec: spec('a'), messages: [say('user', content)] }, signal);
    const parts = await collectAll(partsOf(t.vault.retrieve({ id: 'a', encoding: 'le32' }, signal)));
    const bytes = parts.flatMap((part) =>
      part.kind === 'chunk' && part.content?.kind === 'le32' ? [part.content.bytes] : [],
    );
    expect(Buffer.concat(bytes).equals(Buffer.from(tokens.buffer))).toBe(true);
    for (const chunk of bytes.slice(0, -1)) {
      expect(chunk.length).toBeGreaterThanOrEqual(limits.chunkBytesMin);
      expect(chunk.length).toBeLessThanOrEqual(limits.chunkBytesMax);
    }
    expect(parts.flatMap((part) => (part.kind === 'chunk' && part.endOfMessage ? [part] : []))).toHaveLength(
      1,
    );
  });

  it('streams text back, whole characters in every chunk', async () => {
    const texts = ['', 'Grüße', '漢字👩‍👩‍👧‍👦 '.repeat(60_000), 'end'];
    await t.vault.store({ spec: spec('a'), messages: texts.map((text) => say('user', text)) }, signal);
    const read: string[] = [];
    for await (const part of partsOf(t.vault.retrieve({ id: 'a', encoding: 'text' }, signal))) {
      if (part.kind === 'header') continue;
      const text = part.content?.kind === 'text' ? part.content.text : '';
      expect(part.message === undefined).toBe(part.tokenOffset > 0);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limits.chunkBytesMax);
      read[part.messageIndex] = (read[part.messageIndex] ?? '') + text;
    }
    expect(read).toEqual(texts);
  });

  it('ends every message, also an empty one, and describes it once', async () => {
    const messages = [say('system'), say('user', [1]), say('user', [])];
    await t.vault.store({ spec: spec('a'), messages }, signal);
    const parts = await collectAll(partsOf(t.vault.retrieve({ id: 'a', encoding: 'tokens' }, signal)));
    expect(parts.map((part) => (part.kind === 'chunk' ? part.message?.role : part.kind))).toEqual([
      'header',
      'system',
      'user',
      'user',
    ]);
    expect(parts.slice(1).every((part) => part.kind === 'chunk' && part.endOfMessage)).toBe(true);
  });

  it('stops when it is cancelled, and leaves nothing', async () => {
    const aborted = AbortSignal.abort();
    const input = { spec: spec('a'), messages: [say('user', [1])] };
    await expect(t.vault.store(input, aborted)).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(await t.vault.stats()).toMatchObject({ conversations: 0, segments: 0 });
  });

  it('stores a segment that was collected between the look-up and the commit', async () => {
    await t.vault.store({ spec: spec('a'), messages: [say('user', [1, 2, 3])] }, signal);
    await t.vault.delete('a', { allowMissing: false });
    const findSegments = t.backend.findSegments.bind(t.backend);
    t.backend.findSegments = async (hashes) => {
      const found = await findSegments(hashes);
      await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
      return found;
    };
    const result = await t.vault.store({ spec: spec('b'), messages: [say('user', [1, 2, 3])] }, signal);
    expect(result.newSegments).toBe(1);
    expect(await tokensOf('b', 'le32')).toEqual([[1, 2, 3]]);
  });
});
