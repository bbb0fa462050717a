import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { collectAll, partsOf, say, signal, spec, type TestVault, wordsOf } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

describe.each(storageKinds)('over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  async function tokensOf(id: string): Promise<number[][]> {
    const parts = await collectAll(partsOf(t.vault.retrieve({ id, encoding: 'le32' }, signal)));
    return parts.flatMap((part) => {
      if (part.kind === 'header') return [];
      return [part.content?.kind === 'le32' ? [...new Uint32Array(part.content.bytes.slice().buffer)] : []];
    });
  }

  const store = (id: string, ...messages: number[][]) =>
    t.vault.store({ spec: spec(id), messages: messages.map((tokens) => say('user', tokens)) }, signal);

  describe('an append', () => {
    it('adds messages to the end, and counts only what it adds', async () => {
      await store('a', [1], [2, 3]);
      const messages = [say('user', [4, 5, 6]), say('tool'), say('user', [1])];
      const result = await t.vault.append({ id: 'a', messages, ifRevision: 1 }, signal);
      expect(result).toMatchObject({ totalSegments: 2, newSegments: 1, newTokens: 3, unchanged: false });
      expect(result.conversation).toMatchObject({ revision: 2, totalTokens: 7, messageCount: 5 });
      expect(await tokensOf('a')).toEqual([[1], [2, 3], [4, 5, 6], [], [1]]);
    });

    it('encodes text with the tokenizer of the conversation', async () => {
      const text = 'Hello, 世界';
      await t.vault.store({ spec: spec('whole'), messages: [say('user', text), say('user', text)] }, signal);
      await t.vault.store({ spec: spec('grown'), messages: [say('user', text)] }, signal);
      await t.vault.append({ id: 'grown', messages: [say('user', text)] }, signal);
      expect(await tokensOf('grown')).toEqual(await tokensOf('whole'));
      await t.vault.store({ spec: spec('foreign', { tokenizer: 'llama-3' }), messages: [] }, signal);
      const foreign = t.vault.append({ id: 'foreign', messages: [say('user', text)] }, signal);
      await expect(foreign).rejects.toMatchObject({ reason: 'UNKNOWN_TOKENIZER' });
    });

    /** Has another conversation under this id when the first append is about to be committed. */
    function replacedMeanwhile(id: string, fields: Parameters<typeof spec>[1], tokens: readonly number[]) {
      const commit = t.backend.commit.bind(t.backend);
      t.backend.commit = async (change) => {
        if (!change.append) return commit(change);
        t.backend.commit = commit;
        await t.vault.delete(id, { allowMissing: false });
        t.clock.nowMs += 1;
        await t.vault.store({ spec: spec(id, fields), messages: [say('user', tokens)] }, signal);
        return commit(change);
      };
    }

    it('encodes text once more if a conversation of another tokenizer took the place', async () => {
      const text = 'Hello, 世界';
      const tokenizer = 'cl100k_base';
      await t.vault.store({ spec: spec('whole', { tokenizer }), messages: [say('user', text)] }, signal);
      await store('a', [1]);
      replacedMeanwhile('a', { tokenizer }, [2]);
      await t.vault.append({ id: 'a', messages: [say('user', text)] }, signal);
      expect(await tokensOf('a')).toEqual([[2], ...(await tokensOf('whole'))]);
    });

    // The filesystem storage has no prefix index.
    if (kind !== 'filesystem')
      it('is found by what it continues, if another conversation took the place', async () => {
        const most = limits.prefixBlockTokens - 1;
        const [former, later] = [1, 2].map((token) => Array.from({ length: most }, () => token));
        await store('a', former!);
        replacedMeanwhile('a', {}, later!);
        await t.vault.append({ id: 'a', messages: [say('user', [3])] }, signal);
        const content = { kind: 'le32', bytes: wordsOf([...later!, 3]) } as const;
        const input = { content, tokenizer: '', application: undefined, minTokens: 0, limit: 9 };
        expect(await t.vault.findPrefix(input, signal)).toMatchObject([{ sharedTokens: most + 1 }]);
      });

    it('needs a conversation, and the revision that it names', async () => {
      for (const content of [[1], 'text'] as const) {
        const absent = t.vault.append({ id: 'none', messages: [say('user', content)] }, signal);
        await expect(absent).rejects.toMatchObject({
          reason: 'CONVERSATION_NOT_FOUND',
          metadata: { resource_type: 'conversation', resource_name: 'none' },
        });
      }
      await store('a', [1]);
      const outdated = t.vault.append({ id: 'a', messages: [say('user', [2])], ifRevision: 3 }, signal);
      await expect(outdated).rejects.toMatchObject({
        reason: 'REVISION_MISMATCH',
        metadata: { revision: '1' },
      });
      expect(await tokensOf('a')).toEqual([[1]]);
    });
  });

  describe('a fork', () => {
    it('has the first messages, and a parent, and goes its own way', async () => {
      await store('a', [1], [2], [3]);
      const fork = (messageCount: number | undefined, newId: string) =>
        t.vault.fork({ id: 'a', newId, messageCount }, signal);
      const { conversation, newSegments } = await fork(2, 'b');
      expect(conversation).toMatchObject({
        id: 'b',
        parentId: 'a',
        revision: 1,
        messageCount: 2,
        totalTokens: 2,
      });
      expect(newSegments).toBe(0);
      await t.vault.append({ id: 'b', messages: [say('user', [9])] }, signal);
      expect(await tokensOf('b')).toEqual([[1], [2], [9]]);
      expect(await tokensOf('a')).toEqual([[1], [2], [3]]);
      expect((await fork(undefined, 'all')).conversation.messageCount).toBe(3);
      expect((await fork(0, 'none')).conversation.messageCount).toBe(0);
      expect((await fork(1, '')).conversation.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      await t.vault.delete('a', { allowMissing: false });
      expect(await tokensOf('all')).toEqual([[1], [2], [3]]);
    });

    it('is the same when it is made again, and refused where there is another', async () => {
      await store('a', [1], [2]);
      await t.vault.fork({ id: 'a', newId: 'b', messageCount: 1 }, signal);
      expect(await t.vault.fork({ id: 'a', newId: 'b', messageCount: 1 }, signal)).toMatchObject({
        unchanged: true,
      });
      const reasons: [Parameters<typeof t.vault.fork>[0], string][] = [
        [{ id: 'a', newId: 'b', messageCount: 2 }, 'CONVERSATION_EXISTS'],
        [{ id: 'a', newId: 'c', messageCount: 3 }, 'RANGE_PAST_END'],
        [{ id: 'a', newId: 'c', messageCount: 1, ifRevision: 9 }, 'REVISION_MISMATCH'],
        [{ id: 'x', newId: 'c', messageCount: 1 }, 'CONVERSATION_NOT_FOUND'],
      ];
      for (const [input, reason] of reasons) {
        await expect(t.vault.fork(input, signal)).rejects.toMatchObject({ reason });
      }
    });
  });

  describe('a request id', () => {
    const say1 = [say('user', [1])];
    const parts = async function* (tokens: number) {
      yield { kind: 'message', speaker: { role: 'user', name: '', toolCallId: '' } } as const;
      const bytes = new Uint8Array(Uint32Array.of(tokens).buffer);
      yield { kind: 'tokens', content: { kind: 'le32', bytes } } as const;
      yield { kind: 'finish', totalTokens: 1 } as const;
    };
    const requestId = 'retry-1';

    /** Each method with a request, and with another one. */
    const calls: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
      [
        'store',
        () => t.vault.store({ spec: spec(''), messages: say1, requestId }, signal),
        () => t.vault.store({ spec: spec(''), messages: [say('user', [2])], requestId }, signal),
      ],
      [
        'append',
        () => t.vault.append({ id: 'a', messages: say1, requestId }, signal),
        () => t.vault.append({ id: 'a', messages: say1, ifRevision: 1, requestId }, signal),
      ],
      [
        'fork',
        () => t.vault.fork({ id: 'a', newId: '', messageCount: undefined, requestId }, signal),
        () => t.vault.fork({ id: 'a', newId: '', messageCount: 0, requestId }, signal),
      ],
      [
        'upload',
        () => t.vault.upload({ spec: spec(''), requestId }, parts(5), signal),
        () => t.vault.upload({ spec: spec(''), requestId }, parts(6), signal),
      ],
      [
        'delete',
        () => t.vault.delete('a', { allowMissing: false, requestId }),
        () => t.vault.delete('a', { allowMissing: true, requestId }),
      ],
    ];

    it.each(calls)(
      'of %s gets the first answer again, and is refused for another request',
      async (_, call, other) => {
        await store('a', [1], [2]);
        const first = await call();
        const before = await t.vault.stats();
        t.clock.nowMs += 3_600_000;
        expect(await call()).toEqual(first);
        expect(await t.vault.stats()).toEqual(before);
        await expect(other()).rejects.toMatchObject({
          reason: 'REQUEST_ID_REUSED',
          metadata: { request_id: requestId },
        });
        const elsewhere = t.vault.store({ spec: spec('z'), messages: [], requestId }, signal);
        await expect(elsewhere).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
      },
    );

    it('is forgotten after a day, and not kept by what failed', async () => {
      const failing = t.vault.append({ id: 'late', messages: say1, requestId }, signal);
      await expect(failing).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
      await store('late');
      const append = () => t.vault.append({ id: 'late', messages: say1, requestId }, signal);
      expect((await append()).conversation.revision).toBe(2);
      expect((await append()).conversation.revision).toBe(2);
      t.clock.nowMs += limits.requestIdMemoryMs + 1;
      expect((await append()).conversation.revision).toBe(3);
    });

    it('tells metadata in another order from no other metadata', async () => {
      const put = (metadata: Record<string, string>) =>
        t.vault.store({ spec: spec('', { metadata }), messages: [], requestId }, signal);
      const first = await put({ a: '1', b: '2' });
      expect(await put({ b: '2', a: '1' })).toEqual(first);
      await expect(put({ a: '1' })).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    });
  });
});
