import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { limits } from '../../src/model/index.js';
import {
  openFilesystemBackend,
  prefixFingerprintBytes,
  type StorageBackend,
} from '../../src/storage/index.js';
import { createVault, type Vault } from '../../src/vault/index.js';
import { fullKinds, openStoredVault } from '../support/stored-vault.js';
import { temporaryFolder, type TemporaryFolder } from '../storage/faults/support.js';
import {
  collectAll,
  openTestVault,
  partsOf,
  say,
  signal,
  spec,
  wordsOf,
  type TestVault,
} from '../support/vault.js';

const block = limits.prefixBlockTokens;
const applications = ['agents', 'chat'] as const;

let folder: TemporaryFolder;
let t: TestVault;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const runs: Partial<Record<(typeof fullKinds)[number], number>> = { lmdb: 30 };

/** Returns so many tokens of one of a few kinds; all kinds begin in the same way. */
function stretch(kind: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index < 10 ? 7 : index * 31 + kind * 1000));
}

interface Modelled {
  application: string;
  messages: number[][];
}

function sharedLength(one: readonly number[], other: readonly number[]): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return length;
}

/** Returns the result that the contract demands, by looking at every token. */
function expected(
  model: ReadonlyMap<string, Modelled>,
  tokens: readonly number[],
  application: string | undefined,
): { id: string; sharedTokens: number }[] {
  const all = [...model]
    .filter(([, stored]) => application === undefined || stored.application === application)
    .map(([id, { messages }]) => ({ id, sharedTokens: sharedLength(messages.flat(), tokens) }));
  const most = Math.max(1, ...all.map(({ sharedTokens }) => Math.floor(sharedTokens / block)));
  return all.filter(({ sharedTokens }) => Math.floor(sharedTokens / block) === most).sort(inOrder);
}

function inOrder(one: { id: string; sharedTokens: number }, other: { id: string; sharedTokens: number }) {
  return other.sharedTokens - one.sharedTokens || (one.id < other.id ? -1 : 1);
}

async function find(vault: Vault, tokens: readonly number[], application?: string) {
  const content = { kind: 'le32', bytes: wordsOf(tokens) } as const;
  const found = await vault.findPrefix(
    { content, tokenizer: '', application, minTokens: 0, limit: 100 },
    signal,
  );
  return found.map(({ conversation, sharedTokens }) => ({ id: conversation.id, sharedTokens })).sort(inOrder);
}

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const message = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 3, 100, 256, 257, 512, 700, 9_000))
  .map(([kind, count]) => stretch(kind, count));
const messages = fc.array(message, { minLength: 1, maxLength: 4 });
const application = fc.constantFrom(...applications);
const step = fc.oneof(
  fc.record({ kind: fc.constant('store' as const), id, messages, application }),
  fc.record({ kind: fc.constant('upload' as const), id, messages, application }),
  fc.record({ kind: fc.constant('append' as const), id, messages }),
  fc.record({ kind: fc.constant('grow' as const), id, from: id, messages }),
  fc.record({
    kind: fc.constant('fork' as const),
    id,
    from: id,
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ kind: fc.constant('delete' as const), id }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Makes a step of the vault and of the model; one that has nothing to work on is left out. */
async function make(vault: Vault, model: Map<string, Modelled>, step: Step): Promise<void> {
  const store = async (target: string, { application, messages }: Modelled) => {
    const ifRevision = model.has(target) ? (await vault.get(target)).revision : 0;
    const input = { spec: spec(target, { application }), ifRevision };
    await vault.store({ ...input, messages: messages.map((tokens) => say('user', tokens)) }, signal);
    model.set(target, { application, messages });
  };
  const mine = model.get(step.id);
  if (step.kind === 'store') return store(step.id, step);
  if (step.kind === 'grow') {
    const from = model.get(step.from);
    return from && store(step.id, { ...from, messages: [...from.messages, ...step.messages] });
  }
  if (step.kind === 'upload') {
    const ifRevision = mine ? (await vault.get(step.id)).revision : 0;
    await vault.upload({ spec: spec(step.id, step), ifRevision }, parts(step.messages), signal);
    model.set(step.id, { application: step.application, messages: step.messages });
  }
  if (step.kind === 'append' && mine) {
    await vault.append({ id: step.id, messages: step.messages.map((tokens) => say('tool', tokens)) }, signal);
    mine.messages = [...mine.messages, ...step.messages];
  }
  if (step.kind === 'fork') {
    const from = model.get(step.from);
    if (!from || mine) return;
    const messageCount = Math.round(step.part * from.messages.length);
    await vault.fork({ id: step.from, newId: step.id, messageCount }, signal);
    model.set(step.id, { ...from, messages: from.messages.slice(0, messageCount) });
  }
  if (step.kind === 'delete' && mine) {
    await vault.delete(step.id, { allowMissing: false });
    model.delete(step.id);
  }
}

async function* parts(messages: readonly number[][]) {
  for (const tokens of messages) {
    yield { kind: 'message' as const, speaker: { role: 'user', name: '', toolCallId: '' } };
    yield { kind: 'tokens' as const, content: { kind: 'le32' as const, bytes: wordsOf(tokens) } };
  }
  yield { kind: 'finish' as const, totalTokens: messages.flat().length };
}

describe.each(fullKinds)('the prefix index of %s', (kind) => {
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  it('finds what looking at every token finds', async () => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), messages, async (steps, other) => {
        const model = new Map<string, Modelled>();
        if (made++ > 0) for (const each of 'abcdef') await t.vault.delete(each, { allowMissing: true });
        for (const each of steps) await make(t.vault, model, each);
        expect(await t.backend.check()).toEqual([]);
        const queries = [other.flat(), ...[...model.values()].map(({ messages }) => messages.flat())];
        for (const tokens of queries) {
          const cut = tokens.slice(0, Math.ceil(tokens.length * 0.7));
          for (const query of [tokens, cut, [...cut, 1, 2, 3]]) {
            for (const name of [undefined, ...applications]) {
              expect(await find(t.vault, query, name)).toEqual(expected(model, query, name));
            }
          }
        }
      }),
      { numRuns: runs[kind] ?? 10 },
    );
  });
});

describe.each(['lmdb', ...fullKinds.filter((kind) => kind === 'postgres')] as const)(
  'a vault in %s',
  (kind) => {
    beforeEach(async () => (t = await openStoredVault(kind)));
    afterEach(() => t.close());

    const say500 = [say('user', stretch(1, 500))];
    const vaultWith = (fields: Partial<Parameters<typeof createVault>[0]>) =>
      createVault({ ...t, name: 'default', clock: () => 0, ...fields });

    it('without the index refuses to look, and enters nothing', async () => {
      await t.vault.store({ spec: spec('before'), messages: say500 }, signal);
      const off = vaultWith({ prefixIndex: () => false });
      await expect(find(off, stretch(1, 500))).rejects.toMatchObject({ reason: 'PREFIX_INDEX_OFF' });
      await off.store({ spec: spec('meanwhile'), messages: say500 }, signal);
      await off.fork({ id: 'before', newId: 'fork', messageCount: undefined }, signal);
      await off.append({ id: 'before', messages: say500 }, signal);
      // One that lacks blocks is found by those that it has, and gets no others.
      await t.vault.append({ id: 'before', messages: say500 }, signal);
      await t.vault.append({ id: 'meanwhile', messages: say500 }, signal);
      const all = [...stretch(1, 500), ...stretch(1, 500), ...stretch(1, 500)];
      expect(await find(t.vault, all)).toEqual([{ id: 'before', sharedTokens: 1500 }]);
      await t.vault.fork({ id: 'before', newId: 'fork-of-part', messageCount: 2 }, signal);
      expect(await find(t.vault, all)).toHaveLength(2);
      await off.store({ spec: spec('before'), messages: say500, ifRevision: 3 }, signal);
      expect(await find(t.vault, all)).toEqual([{ id: 'fork-of-part', sharedTokens: 1000 }]);
    });

    it('never takes the fingerprint of a block for the block', async () => {
      await t.vault.store({ spec: spec('other'), messages: [say('user', stretch(2, 2000))] }, signal);
      await t.vault.store({ spec: spec('right'), messages: say500 }, signal);
      const look = vi.spyOn(t.backend as Required<StorageBackend>, 'findPrefix');
      look.mockResolvedValueOnce({ blocks: 3, ids: ['other', 'gone'] });
      look.mockResolvedValueOnce({ blocks: 2, ids: ['right'] });
      const tokens = [...stretch(1, 500), ...stretch(2, 500)];
      expect(await find(t.vault, tokens)).toEqual([{ id: 'right', sharedTokens: 500 }]);
      expect(look.mock.calls.map(([{ blocks }]) => blocks.length / prefixFingerprintBytes)).toEqual([
        3, 2, 1,
      ]);
    });

    it('enters appends that come at once', async () => {
      await t.vault.store({ spec: spec('a'), messages: say500 }, signal);
      const appends = Array.from({ length: 12 }, (_, n) =>
        t.vault.append({ id: 'a', messages: [say('user', stretch(n, 200))] }, signal),
      );
      await Promise.all(appends);
      const parts = await collectAll(partsOf(t.vault.retrieve({ id: 'a', encoding: 'le32' }, signal)));
      const tokens = parts.flatMap((part) =>
        part.kind === 'chunk' && part.content?.kind === 'le32'
          ? [...new Uint32Array(part.content.bytes.slice().buffer)]
          : [],
      );
      expect(await find(t.vault, tokens)).toEqual([{ id: 'a', sharedTokens: 2900 }]);
    });
  },
);

it('the filesystem storage has no such index, and says so', async () => {
  const core = await loadCore();
  t = await openTestVault((codec, clock) =>
    openFilesystemBackend({ folder: folder.path, codec, core, clock, fsync: false }),
  );
  await t.vault.store({ spec: spec('a'), messages: [say('user', stretch(1, 500))] }, signal);
  await expect(find(t.vault, stretch(1, 500))).rejects.toMatchObject({
    reason: 'UNSUPPORTED_BY_STORAGE',
    metadata: { storages: 'lmdb, memory, postgres' },
  });
  await t.close();
});
