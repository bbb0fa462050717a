import { describe, expect, it } from 'vitest';
import { type ConversationSpec, limits } from '../../src/model/index.js';
import { createMemoryBackend, type StorageBackend } from '../../src/storage/index.js';
import type { WarmPrefixesInput } from '../../src/vault/index.js';
import { Random } from '../crash/random.js';
import { fullKinds, openStoredVault } from '../support/stored-vault.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

const BLOCK = limits.prefixBlockTokens;
const DAY = 86_400_000;

interface Warm {
  readonly application: string;
  readonly tokens: number;
  readonly conversations: number;
  readonly id: string;
  readonly content: readonly number[];
}

async function warm(t: TestVault, given: Partial<WarmPrefixesInput> = {}): Promise<Warm[]> {
  const input = { application: undefined, createdFromMs: 0, tokensMin: 0, limit: 1000, withoutTokens: false };
  const found: (Omit<Warm, 'content'> & { content: number[] })[] = [];
  for (const part of await collectAll(t.vault.warmPrefixes({ ...input, ...given }, signal))) {
    if (part.kind === 'prefix') found.push({ ...part, content: [] });
    else found.at(-1)!.content.push(...new Uint32Array(part.le32.slice().buffer));
  }
  return found;
}

/** A block that nothing else begins with. */
const block = (name: number) => Array.from({ length: BLOCK }, (_, at) => 1000 * name + at);

interface Stored {
  readonly id: string;
  readonly application: string;
  readonly tokens: readonly number[];
}

/** Returns the best prefixes in the plainest way: of all prefixes of whole blocks, those that none covers. */
function expected(stored: readonly Stored[], tokensMin = 0): Omit<Warm, 'id'>[] {
  const prefixes = new Map<string, Omit<Warm, 'id'>>();
  for (const { application, tokens } of stored) {
    for (let length = BLOCK; length <= tokens.length; length += BLOCK) {
      const content = tokens.slice(0, length);
      const key = JSON.stringify([application, content]);
      const before = prefixes.get(key)?.conversations ?? 0;
      prefixes.set(key, { application, tokens: length, conversations: before + 1, content });
    }
  }
  const ranked = [...prefixes.values()]
    .filter(({ conversations, tokens }) => conversations >= 2 && tokens >= tokensMin)
    .sort((a, b) => b.tokens * b.conversations - a.tokens * a.conversations || b.tokens - a.tokens);
  const chosen: Omit<Warm, 'id'>[] = [];
  for (const one of ranked) {
    const isCovered = chosen.some(
      ({ application, content }) =>
        application === one.application && one.content.every((token, at) => content[at] === token),
    );
    if (!isCovered) chosen.push(one);
  }
  return chosen;
}

const shown = ({ application, tokens, conversations, content }: Omit<Warm, 'id'>) =>
  JSON.stringify([tokens * conversations, application, tokens, conversations, content]);

describe.each(fullKinds)('warm prefixes in %s', (kind) => {
  it('are those that a look at every conversation finds, while conversations come and go', async () => {
    const t = await openStoredVault(kind);
    const random = new Random(3);
    let stored: Stored[] = [];
    for (let at = 0; at < 120; at += 1) {
      const application = `app-${random.below(2)}`;
      const path: number[] = [];
      for (let depth = random.below(7); depth >= 0; depth -= 1) path.push(random.below(2));
      const blocks = path.map((_, depth) =>
        block(1 + parseInt(path.slice(0, depth + 1).join(''), 2) + 64 * depth),
      );
      const tokens = [...blocks.flat(), ...Array.from({ length: random.below(BLOCK) }, () => 7)];
      const id = `c${at}`;
      const cut = random.below(tokens.length + 1);
      const messages = [say('user', tokens.slice(0, cut)), say('assistant', tokens.slice(cut))];
      await t.vault.store({ spec: spec(id, { application }), messages }, signal);
      stored.push({ id, application, tokens });
      if (at % 5 !== 4) continue;
      const [gone] = stored.splice(random.below(stored.length), 1);
      await t.vault.delete(gone!.id, { allowMissing: false });
    }
    const found = await warm(t);
    // Equal products may come in any order, and leave out one or the other of two that begin alike.
    const products = (all: readonly Omit<Warm, 'id'>[]) =>
      all.map(({ tokens, conversations }) => tokens * conversations);
    expect(products(found)).toEqual(products(expected(stored)));
    const all = new Map(stored.map((each) => [each.id, each]));
    for (const { application, tokens, conversations, id, content } of found) {
      expect(content).toHaveLength(tokens);
      expect(all.get(id)!.tokens.slice(0, tokens)).toEqual(content);
      const sharing = stored.filter(
        (each) => each.application === application && content.every((token, at) => each.tokens[at] === token),
      );
      expect(sharing).toHaveLength(conversations);
    }
    const ofOne = await warm(t, { application: 'app-1', tokensMin: 2 * BLOCK });
    stored = stored.filter(({ application }) => application === 'app-1');
    expect(products(ofOne)).toEqual(products(expected(stored, 2 * BLOCK)));
    expect(new Set(ofOne.map(shown)).size).toBe(ofOne.length);
    await t.close();
  });

  it('count what was created lately, and are empty without tokens when that is asked for', async () => {
    const t = await openStoredVault(kind);
    const store = (id: string) =>
      t.vault.store({ spec: spec(id), messages: [say('user', [...block(1), ...block(2), 5])] }, signal);
    await store('a');
    await store('b');
    t.clock.nowMs += DAY;
    await store('c');
    expect(await warm(t, { createdFromMs: t.clock.nowMs })).toEqual([]);
    await store('d');
    const [prefix] = await warm(t, { createdFromMs: t.clock.nowMs, withoutTokens: true });
    expect(prefix).toMatchObject({ tokens: 2 * BLOCK, conversations: 2, id: 'd', content: [] });
    expect((await warm(t))[0]).toMatchObject({ conversations: 4 });
    expect(await warm(t, { tokensMin: 2 * BLOCK + 1 })).toEqual([]);
    await t.close();
  });

  it('count by the time at which conversations began, not by that of their store', async () => {
    const t = await openStoredVault(kind);
    const now = t.clock.nowMs;
    const store = (id: string, createTimeMs?: number) =>
      t.vault.store(
        {
          spec: spec(id, createTimeMs === undefined ? {} : { createTimeMs }),
          messages: [say('user', block(1))],
        },
        signal,
      );
    await store('a');
    await store('b', now - 1);
    for (let at = 0; at < 9; at += 1) await store(`old-${at}`, now - (10 + at) * DAY);
    const [lately] = await warm(t, { createdFromMs: now - DAY });
    expect(lately).toMatchObject({ conversations: 2, id: 'a', newestMs: now });
    expect((await warm(t))[0]).toMatchObject({ conversations: 11, id: 'a', newestMs: now });
    expect(await warm(t, { createdFromMs: now })).toEqual([]);
    await t.close();
  });
});

it('are shared in memory as a look at every conversation finds them', async () => {
  let backend: StorageBackend | undefined;
  const t = await openTestVault(async (codec, clock) => (backend = createMemoryBackend({ codec, clock })));
  const random = new Random(5);
  const ids: string[] = [];
  for (let at = 0; at < 300; at += 1) {
    t.clock.nowMs += random.below(3);
    const id = `c${at}`;
    const some = ids[random.below(ids.length || 1)];
    const messages = Array.from({ length: 1 + random.below(4) }, () => ({
      ...say(
        'user',
        Array.from({ length: 1 + random.below(3) }, () => random.below(6)),
      ),
      ...(random.below(3) === 0 && { fields: Buffer.from(`{"n":${random.below(4)}}`) }),
    }));
    if (some === undefined || random.below(3) > 0) await t.vault.store({ spec: spec(id), messages }, signal);
    else if (random.below(2) > 0)
      await t.vault.fork({ id: some, newId: id, messageCount: undefined }, signal);
    else await t.vault.delete(ids.splice(ids.indexOf(some), 1)[0]!, { allowMissing: false });
    if ((await backend!.getConversation(id)) !== undefined) ids.push(id);
  }
  const all = async () => [
    await t.vault.sharedSegments({ order: 'references', limit: 7 }, signal),
    await t.vault.sharedSegments({ order: 'tokensSaved', limit: 1000 }, signal),
  ];
  const found = await all();
  expect(found[1]!.length).toBeGreaterThan(50);
  Object.assign(backend!, { sharedSegments: undefined });
  expect(await all()).toMatchObject(found);
  await t.close();
});

describe.each(['memory', 'lmdb', 'filesystem'] as const)('the conversations of a segment in %s', (kind) => {
  it('are listed newest first, page by page', async () => {
    const t = await openStoredVault(kind);
    const shared = [1, 2, 3];
    for (let at = 0; at < 9; at += 1) {
      const messages = [say('user', [100 + at]), ...(at % 3 === 0 ? [] : [say('system', shared)])];
      await t.vault.store({ spec: spec(`c${at}`), messages }, signal);
      t.clock.nowMs += 1;
    }
    const { messages } = await t.vault.getWithMessages('c1');
    const { hash } = messages[1]!.segments[0]!;
    const ids: string[] = [];
    let page = await t.vault.segmentUses({ hash, limit: 2 }, signal);
    for (;;) {
      ids.push(...page.uses.map(({ conversationId }) => conversationId));
      expect(page.uses.every(({ messageIndex, role }) => messageIndex === 1 && role === 'system')).toBe(true);
      if (page.next === undefined) break;
      page = await t.vault.segmentUses({ hash, limit: 2, after: page.next }, signal);
    }
    expect(ids).toEqual(['c8', 'c7', 'c5', 'c4', 'c2', 'c1']);
    await expect(
      t.vault.segmentUses({ hash: 'f'.repeat(64) as typeof hash, limit: 2 }, signal),
    ).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
    await t.close();
  });

  it('are told from those that have expired', async () => {
    const t = await openStoredVault(kind);
    for (const id of ['a', 'b', 'c']) {
      const expires = id === 'a' ? { expireTimeMs: t.clock.nowMs + 10 } : {};
      await t.vault.store({ spec: spec(id, expires), messages: [say('system', 'Be kind.')] }, signal);
      t.clock.nowMs += 1;
    }
    const holder = async () => (await t.vault.sharedSegments({ order: 'references', limit: 1 }, signal))[0]!;
    expect(await holder()).toMatchObject({ holder: { conversationId: 'a' }, text: 'Be kind.' });
    t.clock.nowMs += 10;
    const { holder: other, ...shared } = await holder();
    expect(shared).toMatchObject({ references: 3, text: 'Be kind.' });
    expect(['b', 'c']).toContain(other!.conversationId);
    await t.close();
  });

  it('are counted by day, in a time zone', async () => {
    const t = await openStoredVault(kind);
    t.clock.nowMs = Date.UTC(2026, 0, 31, 12);
    const store = (id: string, createTimeMs: number, fields: Partial<ConversationSpec> = {}) => {
      const messages = [say('user', [createTimeMs % 1000, 7]), say('system', [1, 2, 3])];
      return t.vault.store({ spec: spec(id, { createTimeMs, ...fields }), messages }, signal);
    };
    const hours = [0, 23, 24, 25, 47, 300];
    for (const at of hours) await store(`c${at}`, Date.UTC(2026, 0, 1, at, 10));
    await store('expired', Date.UTC(2026, 0, 2), { expireTimeMs: t.clock.nowMs + 1 });
    await t.vault.store({ spec: spec('other'), messages: [say('user', [5])] }, signal);
    t.clock.nowMs += 2;
    const { hash } = (await t.vault.getWithMessages('c0')).messages[1]!.segments[0]!;
    const days = async (timeZone: string) => {
      const parts = await collectAll(t.vault.usesByDay({ hash, timeZone }, signal));
      expect(parts.at(-1)).toMatchObject({ damaged: 0 });
      return parts.flatMap((part) => part.days.map(({ day, conversations }) => `${day} ${conversations}`));
    };
    expect(await days('')).toEqual(['2026-01-01 2', '2026-01-02 3', '2026-01-13 1']);
    expect(await days('Asia/Kathmandu')).toEqual([
      '2026-01-01 1',
      '2026-01-02 3',
      '2026-01-03 1',
      '2026-01-13 1',
    ]);
    await expect(days('Mars/North')).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    await expect(
      collectAll(t.vault.usesByDay({ hash: 'f'.repeat(64) as typeof hash, timeZone: '' }, signal)),
    ).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
    await t.close();
  });
});

it('have no place in a storage without a prefix index', async () => {
  const t = await openStoredVault('filesystem');
  await expect(warm(t)).rejects.toMatchObject({ reason: 'UNSUPPORTED_BY_STORAGE' });
  await t.close();
});
