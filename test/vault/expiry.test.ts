import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { randomFrom } from '../support/random.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

const block = limits.prefixBlockTokens;
const beginMs = 1_700_000_000_000;
const dayMs = 86_400_000;

function tokens(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

describe.each(storageKinds)('over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  const store = (
    id: string,
    expireTimeMs?: number,
    content: readonly number[] | string = tokens(3 * block),
  ) => t.vault.store({ spec: spec(id, { expireTimeMs }), messages: [say('user', content)] }, signal);
  const notFound = { reason: 'CONVERSATION_NOT_FOUND' };

  async function list(): Promise<string[]> {
    const query = { filter: {}, order: 'oldestFirst', limit: 100, scanLimit: 100 } as const;
    return (await t.vault.list(query)).conversations.map(({ id }) => id);
  }

  it('hides a conversation from every call from the moment of its expire time', async () => {
    await store('stays');
    await store('goes', beginMs + dayMs, 'a needle in it');
    const seen = async (): Promise<unknown[]> => [
      await t.vault.get('goes').then(({ id }) => id),
      (await t.vault.getWithMessages('goes')).messages.length,
      (await collectAll(partsOf(t.vault.retrieve({ id: 'goes', encoding: 'le32' }, signal)))).length,
    ];
    const needle = { text: 'needle', ignoreCase: false, wholeWords: false };
    const hits = async () =>
      (await collectAll(t.vault.search({ ...needle, filter: {}, limit: 9 }, signal))).flatMap((part) =>
        part.hits.map(({ conversationId }) => conversationId),
      );
    t.clock.nowMs = beginMs + dayMs - 1;
    expect(await seen()).toEqual(['goes', 1, 2]);
    expect(await list()).toEqual(['stays', 'goes']);
    expect(await t.vault.count({}, signal)).toEqual({ conversations: 2, exact: true });
    expect(await hits()).toEqual(['goes']);

    t.clock.nowMs = beginMs + dayMs;
    for (const call of [
      () => t.vault.get('goes'),
      () => t.vault.getWithMessages('goes'),
      () => collectAll(partsOf(t.vault.retrieve({ id: 'goes', encoding: 'le32' }, signal))),
      () => t.vault.append({ id: 'goes', messages: [say('user', [1])] }, signal),
      () => t.vault.append({ id: 'goes', messages: [say('user', 'text')] }, signal),
      () => t.vault.fork({ id: 'goes', newId: 'fork', messageCount: undefined }, signal),
    ])
      await expect(call()).rejects.toMatchObject(notFound);
    const many: unknown[] = [];
    for await (const batch of t.vault.retrieveMany({ ids: ['goes'], encoding: 'le32' }, signal))
      for (const { part } of batch) many.push(part.kind === 'failed' ? part.error.reason : part.kind);
    expect(many).toEqual(['CONVERSATION_NOT_FOUND']);
    expect(await list()).toEqual(['stays']);
    expect(await t.vault.count({}, signal)).toEqual({ conversations: 1, exact: true });
    expect(await t.vault.count({ application: 'test' }, signal)).toEqual({ conversations: 1, exact: true });
    expect(await hits()).toEqual([]);
  });

  it('stores over one that has expired as if it were new, and forks to its id', async () => {
    const again = async (id: string) => {
      const { conversation, unchanged } = await store(id, beginMs + 9 * dayMs);
      return { unchanged, revision: conversation.revision, createTimeMs: conversation.createTimeMs };
    };
    await store('first', beginMs + 1);
    await store('same', beginMs + 9 * dayMs);
    await store('of another revision', beginMs + 1);
    await store('target', beginMs + 1);
    await store('parent');
    t.clock.nowMs = beginMs + dayMs;
    const fresh = { unchanged: false, revision: 1, createTimeMs: t.clock.nowMs };
    const outdated = t.vault.store(
      { spec: spec('of another revision'), messages: [], ifRevision: 1 },
      signal,
    );
    await expect(outdated).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
      metadata: { revision: '0' },
    });
    expect(await again('first')).toEqual(fresh);
    expect(await again('same')).toMatchObject({ unchanged: true, createTimeMs: beginMs });
    const fork = await t.vault.fork({ id: 'parent', newId: 'target', messageCount: 1 }, signal);
    expect(fork).toMatchObject({ unchanged: false, conversation: { revision: 1, parentId: 'parent' } });
    expect(await list()).toEqual(['same', 'parent', 'first', 'target']);
    const messages = await collectAll(partsOf(t.vault.retrieve({ id: 'first', encoding: 'le32' }, signal)));
    expect(messages).toHaveLength(2);
    t.clock.nowMs = beginMs + 9 * dayMs;
    expect(await again('same')).toEqual({ ...fresh, createTimeMs: t.clock.nowMs });
  });

  it('deletes what has expired as anything else, and only that if it is asked to', async () => {
    await store('one', beginMs + 1);
    await store('other', beginMs + 1);
    await store('lives', beginMs + dayMs);
    t.clock.nowMs = beginMs + 1;
    await t.vault.delete('one', { allowMissing: false });
    const selection = { kind: 'filter', filter: { expireTimeBeforeMs: beginMs + 2 } } as const;
    const left = await t.vault.deleteMany({ selection, dryRun: true }, signal);
    expect(left.conversations).toBe(1);
    const expiry = { nowMs: beginMs + 1 };
    const remove = (id: string) => t.backend.commit({ delete: { id, timeMs: beginMs, expiry } });
    await expect(remove('lives')).rejects.toMatchObject(notFound);
    await remove('other');
    expect((await t.backend.stats()).conversations).toBe(1);
  });

  // The filesystem storage has no prefix index.
  if (kind !== 'filesystem')
    it('finds the longest prefix among those that have not expired', async () => {
      for (const seed of Array.from({ length: sampleOr(2, 30) }, (_, at) => at + 1)) {
        const random = randomFrom(seed);
        const all: { readonly content: number[]; readonly expireTimeMs: number | undefined }[] = [];
        const contentOf = () => {
          const content: number[] = [];
          for (let piece = 1 + random.below(6); piece > 0; piece--)
            content.push(...tokens(block, seed * 1e6 + random.below(2) * 1000));
          return content;
        };
        for (let at = 0; at < 30; at++) {
          const content = contentOf();
          const expireTimeMs = random.below(3) > 0 ? t.clock.nowMs + random.below(100) : undefined;
          await store(`${seed}-${at}`, expireTimeMs, content);
          all.push({ content, expireTimeMs });
        }
        for (let moment = 0; moment < 10; moment++) {
          t.clock.nowMs += random.below(20);
          const wanted = contentOf();
          const longest = Math.max(
            0,
            ...all
              .filter(({ expireTimeMs = Infinity }) => expireTimeMs > t.clock.nowMs)
              .map(({ content }) => {
                const differs = content.findIndex((token, at) => token !== wanted[at]);
                return differs === -1 ? content.length : differs;
              }),
          );
          const [best] = await t.vault.findPrefix(
            {
              content: { kind: 'le32', bytes: new Uint8Array(Uint32Array.from(wanted).buffer) },
              tokenizer: '',
              application: undefined,
              minTokens: 1,
              limit: 1,
            },
            signal,
          );
          expect(best?.sharedTokens ?? 0, `seed ${seed}`).toBe(longest < block ? 0 : longest);
          if (best) expect(best.conversation.expireTimeMs ?? Infinity).toBeGreaterThan(t.clock.nowMs);
        }
      }
    });
});
