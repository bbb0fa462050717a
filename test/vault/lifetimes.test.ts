import { describe, expect, it } from 'vitest';
import { type Conversation, type Expiry, isExpired, type Lifetimes } from '../../src/model/index.js';
import { type ListQuery, openLmdbBackend } from '../../src/storage/index.js';
import { Environment } from '../../src/storage/lmdb/tables/environment.js';
import { countExpired, createVault, sweep } from '../../src/vault/index.js';
import { randomFrom } from '../support/random.js';
import { sampleOr } from '../support/sample.js';
import { temporaryFolder } from '../storage/faults/support.js';
import { collectAll, openTestVault, say, signal, spec } from '../support/vault.js';
import { openStoredVault } from '../support/stored-vault.js';

const labels = ['user', 'tag'];
const values = ['a', 'b', 'c'];

/** The rule of lifetimes, written once more: the most particular rules that match, of them the shortest. */
function hasExpired(conversation: Conversation, { nowMs, lifetimes }: Expiry): boolean {
  const { metadata, application, createTimeMs, expireTimeMs } = conversation;
  if (expireTimeMs !== undefined) return nowMs >= expireTimeMs;
  if (!lifetimes || lifetimes.keep.some(({ label, value }) => metadata[label] === value)) return false;
  const ofLabels = lifetimes.rules.filter(({ label, value }) => label !== '' && metadata[label] === value);
  const ofApplication = lifetimes.rules.filter(({ label, value }) => label === '' && application === value);
  const [most] = [ofLabels, ofApplication, [lifetimes]].filter((rules) => rules.length > 0);
  const ages = most!.map(({ lifetimeMs }) => (lifetimeMs === 0 ? Infinity : lifetimeMs));
  return nowMs >= createTimeMs + Math.min(...ages);
}

describe.each(['memory', 'lmdb'] as const)('over %s', (kind) => {
  it.each(Array.from({ length: sampleOr(2, 30) }, (_, at) => at + 1))(
    'lifetimes hide, count and find what a look at everything does, seed %i',
    async (seed) => {
      const random = randomFrom(seed);
      const t = await openStoredVault(kind);
      let lifetimes: Lifetimes | undefined;
      const vault = createVault({ ...t, name: 'v', clock: () => t.clock.nowMs, lifetimes: () => lifetimes });
      const pick = (from: readonly string[]) => from[random.below(from.length)]!;
      const age = () => (random.below(4) === 0 ? 0 : 1 + random.below(300));
      let all: Conversation[] = [];
      await t.backend.setLabels?.(['user']);
      for (let round = 0; round < 12; round++) {
        for (let count = 0; count < 8; count++) {
          t.clock.nowMs += random.below(20);
          const metadata = Object.fromEntries(
            labels.flatMap((label) => (random.below(2) === 0 ? [[label, pick(values)]] : [])),
          );
          const expireTimeMs = random.below(4) === 0 ? t.clock.nowMs + random.below(200) : undefined;
          const fields = { application: pick(values), metadata, expireTimeMs };
          const stored = await vault.store(
            { spec: spec(`${round}-${count}`, fields), messages: [say('user', [round, count])] },
            signal,
          );
          all.push(stored.conversation);
        }
        const rules = Array.from({ length: random.below(4) }, () => ({
          ...{ label: pick(['', ...labels]), value: pick(values), lifetimeMs: age() },
        }));
        const keep = random.below(2) === 0 ? [{ label: pick(labels), value: pick(values) }] : [];
        lifetimes = random.below(5) === 0 ? undefined : { lifetimeMs: age(), rules, keep };
        const expiry = { nowMs: t.clock.nowMs, lifetimes };
        const gone = all.filter((each) => hasExpired(each, expiry));
        expect(all.filter((each) => isExpired(each, expiry))).toEqual(gone);
        const left = all.filter((each) => !gone.includes(each)).map(({ id }) => id);
        const query = { filter: {}, order: 'oldestFirst', limit: 500, scanLimit: 500 } as const;
        expect((await vault.list(query)).conversations.map(({ id }) => id)).toEqual(left);
        expect(await vault.count({}, signal)).toEqual({ conversations: left.length, exact: true });
        expect(await countExpired(t.backend, expiry, signal)).toEqual({
          conversations: gone.length,
          exact: true,
        });
        const application = pick(values);
        const chosen = gone.filter((each) => each.application === application);
        for (const [filter, found] of [
          [{}, gone],
          [{ application }, chosen],
          [{ expires: true }, gone.filter(({ expireTimeMs }) => expireTimeMs !== undefined)],
        ] as const) {
          const input = { selection: { kind: 'expired', filter }, dryRun: true } as const;
          expect((await vault.deleteMany(input, signal)).conversations).toBe(found.length);
        }
        const input = { selection: { kind: 'expired', filter: { application } }, dryRun: false } as const;
        expect(await vault.deleteMany(input, signal)).toMatchObject({
          ...{ conversations: chosen.length, missing: 0, changed: 0 },
        });
        all = all.filter((each) => !chosen.includes(each));
        expect((await t.backend.stats()).conversations).toBe(all.length);
      }
      await t.close();
    },
  );

  it('a conversation stays that is stored once more, or kept, while what has expired is deleted', async () => {
    const t = await openStoredVault(kind);
    let lifetimes: Lifetimes = { lifetimeMs: 100, rules: [], keep: [] };
    let meanwhile: () => Promise<unknown> = () => Promise.resolve();
    const backend = new Proxy(t.backend, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'listConversations') return value.bind(target) as unknown;
        return async (query: ListQuery) => {
          const page = await target.listConversations(query);
          if (page.conversations.length > 0) await meanwhile();
          return page;
        };
      },
    });
    const parts = { ...t, name: 'v', clock: () => t.clock.nowMs, lifetimes: () => lifetimes };
    const vault = createVault({ ...parts, backend });
    const aside = createVault(parts);
    const store = (id: string, metadata: Record<string, string> = {}) =>
      aside.store({ spec: spec(id, { metadata }), messages: [say('user', [1])] }, signal);
    const input = { selection: { kind: 'expired', filter: {} }, dryRun: false } as const;

    for (const id of ['a', 'b']) await store(id);
    t.clock.nowMs += 100;
    meanwhile = () => store('a');
    const counts = await vault.deleteMany(input, signal);
    expect(counts).toMatchObject({ conversations: 1, missing: 0, changed: 0 });
    expect(await aside.get('a')).toMatchObject({ revision: 1, createTimeMs: t.clock.nowMs });

    await store('c', { user: 'x' });
    t.clock.nowMs += 100;
    meanwhile = () => {
      lifetimes = { ...lifetimes, keep: [{ label: 'user', value: 'x' }] };
      return Promise.resolve();
    };
    expect(await vault.deleteMany(input, signal)).toMatchObject({ conversations: 1 });
    expect(await aside.get('c')).toMatchObject({ revision: 1 });
    await t.close();
  });

  it('a conversation stays that is stored again under the id of the oldest above a limit', async () => {
    const t = await openStoredVault(kind);
    const store = async (id: string) => {
      t.clock.nowMs += 1;
      await t.vault.store({ spec: spec(id), messages: [say('user', [1])] }, signal);
    };
    for (const id of ['a', 'b', 'c']) await store(id);
    const listConversations = t.backend.listConversations.bind(t.backend);
    t.backend.listConversations = async (query) => {
      const page = await listConversations(query);
      if (page.conversations.length === 0) return page;
      t.backend.listConversations = listConversations;
      await t.vault.delete('a', { allowMissing: false });
      await store('a');
      return page;
    };
    const rules = { lifetimes: undefined, keep: [], conversationsMax: 1, contentBytesMax: 0 };
    const counts = await collectAll(
      sweep(
        t.backend,
        () => rules,
        () => t.clock.nowMs,
        signal,
      ),
    );
    expect(counts).toEqual([0, 1, 1]);
    expect(await t.vault.get('a')).toMatchObject({ createTimeMs: t.clock.nowMs });
    await t.close();
  });
});

it('what has expired is deleted beside a conversation that is damaged, which is named once', async () => {
  const folder = await temporaryFolder();
  const open = async () =>
    openTestVault((codec) => openLmdbBackend({ folder: folder.path, codec, clock: () => 0, lock: false }));
  let t = await open();
  for (const id of ['a', 'b', 'c'])
    await t.vault.store({ spec: spec(id, { application: 'x' }), messages: [say('user', [1])] }, signal);
  await t.close();
  const environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => environment.tables.conversations.put(2, Buffer.of(0xff)));
  await environment.close();
  t = await open();
  const rules = [{ label: '', value: 'x', lifetimeMs: 100 }];
  const lifetimes = { lifetimeMs: 1000, rules, keep: [] };
  const clock = () => t.clock.nowMs + 5000;
  const vault = createVault({ ...t, name: 'v', clock, lifetimes: () => lifetimes });
  const input = { selection: { kind: 'expired', filter: {} }, dryRun: false } as const;
  const { conversations, damaged } = await vault.deleteMany(input, signal);
  expect([conversations, damaged.map(({ id }) => id)]).toEqual([2, ['b']]);
  await vault.deleteMany({ selection: { kind: 'ids', ids: ['b'] }, dryRun: false }, signal);
  await t.backend.repair!();
  await t.close();
  await folder.remove();
});

it('refuses a store whose create time is so old that its lifetime has ended', async () => {
  const t = await openStoredVault('memory');
  const lifetimes = { lifetimeMs: 1000, rules: [], keep: [] };
  const vault = createVault({ ...t, name: 'v', clock: () => 10_000, lifetimes: () => lifetimes });
  const store = (id: string, createTimeMs: number, expireTimeMs?: number) =>
    vault.store({ spec: { ...spec(id), createTimeMs, expireTimeMs }, messages: [say('user', [1])] }, signal);
  await expect(store('a', 9_000)).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  await store('b', 9_001);
  await store('c', 5_000, 20_000);
  expect(await t.backend.check()).toEqual([]);
  await t.close();
});
