import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import type { EraseInput, EraseReceipt } from '../../src/vault/index.js';
import { fullKinds, openStoredVault } from '../support/stored-vault.js';
import { fillWithPhrases } from '../support/phrases.js';
import { Random } from '../crash/random.js';
import { readRegistry } from '../twin/registry.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

const labels = ['user'];

async function openVault(kind: (typeof fullKinds)[number]): Promise<TestVault & { readonly folder: string }> {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `stowken-erase-`));
  const packing = { coldAfterMs: 0, fewest: 1 };
  const opened =
    kind === 'lmdb'
      ? await openTestVault((codec, clock) =>
          openLmdbBackend({ folder, codec, clock, strict: true, packing }),
        )
      : await openStoredVault(kind);
  await opened.backend.setLabels!(labels);
  return {
    ...opened,
    folder,
    async close() {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const byUser = (user: string): EraseInput['selection'] => ({
  kind: 'labels',
  labels: [{ label: 'user', value: user }],
});

async function erase(t: TestVault, given: Partial<EraseInput>): Promise<EraseReceipt> {
  const input = { selection: byUser('anna@example.org'), dryRun: false, waitMs: 5000, ...given };
  const parts = await collectAll(t.vault.erase(input, signal));
  return parts.at(-1) as EraseReceipt;
}

describe.each(fullKinds)('an erasure, %s', (kind) => {
  /** The receipt's gaps if nothing is left but what a database's own files keep. */
  const complete = kind.startsWith('postgres') ? ['database'] : [];
  let t: Awaited<ReturnType<typeof openVault>>;
  beforeEach(async () => (t = await openVault(kind)));
  afterEach(() => t.close());

  const shared = say('system', [1, 2, 3]);
  const store = (id: string, user: string, tokens: readonly number[]) =>
    t.vault.store(
      {
        spec: spec(id, { metadata: { user } }),
        messages: [shared, say('user', tokens)],
        requestId: `r-${id}`,
      },
      signal,
    );

  it('deletes what is selected, says what others share, and leaves the rest as it was', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    await store('b', 'anna@example.org', [11, 12]);
    await store('c', 'ben', [13]);
    const dry = await erase(t, { dryRun: true });
    expect(dry).toMatchObject({ conversations: 2, segments: 2, segmentTokens: 6, sharedSegments: 1 });
    expect((await t.vault.stats()).conversations).toBe(3);

    const receipt = await erase(t, {});
    expect(receipt).toMatchObject({
      conversations: 2,
      messages: 4,
      tokens: 12,
      missing: 0,
      segments: 2,
      segmentTokens: 6,
      sharedSegments: 1,
      sharedTokens: 3,
      forgottenRequests: 2,
      forgottenUsageGroups: 1,
      violations: 0,
      gaps: complete,
    });
    expect(receipt.shared).toMatchObject([{ tokenCount: 3, references: 1 }]);
    expect(await t.vault.stats()).toMatchObject({ conversations: 1, segments: 2, garbageSegments: 0 });
    const [, , content] = await collectAll(partsOf(t.vault.retrieve({ id: 'c', encoding: 'le32' }, signal)));
    expect(content).toMatchObject({ kind: 'chunk' });
  });

  it('keeps what was counted, without the value of the label', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    await store('c', 'ben', [13]);
    await erase(t, {});
    const days = await t.vault.usage(
      { groupBy: ['application'], labels, fromMs: 0, beforeMs: 2e12, timeZone: 'UTC' },
      signal,
    );
    expect(JSON.stringify(days)).not.toContain('anna');
    expect(days.reduce((sum, { figures }) => sum + figures.conversations, 0)).toBe(2);
  });

  it('forgets labels before the deletion, so that an erasure that was killed can be finished', async () => {
    await t.backend.setLabels!(['user', 'session']);
    const metadata = (session: string) => ({ user: 'anna@example.org', session });
    for (const id of ['a', 'b', 'c'])
      await t.vault.store(
        { spec: spec(id, { metadata: metadata(`session-${id}`) }), messages: [say('user', [7])] },
        signal,
      );
    const usage = async () =>
      JSON.stringify(
        await t.vault.usage(
          {
            groupBy: ['application'],
            labels: ['user', 'session'],
            fromMs: 0,
            beforeMs: 2e12,
            timeZone: 'UTC',
          },
          signal,
        ),
      );
    // One that was deleted before: its session is counted with the user.
    await t.vault.deleteMany({ selection: { kind: 'ids', ids: ['a'] }, dryRun: false }, signal);

    const abort = new AbortController();
    const input = { selection: byUser('anna@example.org'), dryRun: false, waitMs: 5000 };
    const killed = collectAll(
      (async function* () {
        for await (const part of t.vault.erase(input, abort.signal)) {
          yield part;
          if (part.kind === 'progress' && part.conversations > 0) abort.abort();
        }
      })(),
    );
    await expect(killed).rejects.toThrow();
    expect((await t.vault.stats()).conversations).toBe(0);
    expect(await erase(t, { selection: { kind: 'ids', ids: ['b', 'c'] } })).toMatchObject({ gaps: complete });
    expect(await usage()).not.toMatch(/session-|anna/);
  });

  it('leaves what is stored again under a selected id, without the label', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    await store('b', 'anna@example.org', [11, 12]);
    const openConversation = t.backend.openConversation.bind(t.backend);
    let isFound = false;
    vi.spyOn(t.backend, 'openConversation').mockImplementation(async (id, ahead) => {
      if (id === 'b' && !isFound) {
        isFound = true;
        await t.vault.delete('a', { allowMissing: false });
        const metadata = { user: 'ben' };
        await t.vault.store({ spec: spec('a', { metadata }), messages: [say('user', [13])] }, signal);
      }
      return openConversation(id, ahead);
    });
    expect(await erase(t, {})).toMatchObject({ segments: 3, gaps: complete });
    expect(await t.vault.get('a')).toMatchObject({ metadata: { user: 'ben' } });
    expect(await t.vault.stats()).toMatchObject({ conversations: 1, segments: 1 });
  });

  it('erases by ids, counts those that are not there, and can be called once more', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    const selection = { kind: 'ids', ids: ['a', 'x', 'a'] } as const;
    expect(await erase(t, { selection })).toMatchObject({ conversations: 1, missing: 1, gaps: complete });
    expect(await erase(t, { selection })).toMatchObject({ conversations: 0, missing: 2, gaps: complete });
  });

  it('waits for those who read, and says so when it waits no longer', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    const reader = await t.backend.openConversation('a');
    expect((await erase(t, { waitMs: 0 })).gaps).toContain('readers');
    reader!.release();
    expect((await erase(t, {})).gaps).toEqual(complete);
  });

  it('counts the conversations that name an erased one as their parent', async () => {
    await store('a', 'anna@example.org', [7, 8, 9, 10]);
    await t.vault.fork({ id: 'a', newId: 'f', messageCount: 1 }, signal);
    const receipt = await erase(t, { selection: { kind: 'ids', ids: ['a'] } });
    expect(receipt).toMatchObject({ children: 1, segments: 1, sharedSegments: 1 });
  });
});

describe('the files after an erasure', () => {
  let t: Awaited<ReturnType<typeof openVault>>;
  beforeEach(async () => (t = await openVault('lmdb')));
  afterEach(() => t.close());

  /** Returns the bytes of everything in the folder. */
  async function filesOf(folder: string): Promise<Buffer> {
    const names = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
    return Buffer.concat(await Promise.all(files.map((file) => readFile(file))));
  }

  /** Returns how many of the pieces of 12 bytes are in the bytes. */
  function found(bytes: Buffer, pieces: readonly Buffer[]): number {
    return pieces.filter((piece) => bytes.includes(piece)).length;
  }

  const piecesOf = (bytes: Uint8Array): Buffer[] => {
    const pieces: Buffer[] = [];
    for (let at = 0; at + 12 <= bytes.length; at += 96) pieces.push(Buffer.from(bytes.subarray(at, at + 12)));
    return pieces;
  };

  it('have no byte of it, neither in free pages nor in the room of pages in use', async () => {
    const random = new Random(7);
    const tokens = (count: number) => Array.from({ length: count }, () => random.below(100_000));
    const pieces: Buffer[] = [];
    for (let at = 0; at < 400; at += 1) {
      const user = at % 4 === 0 ? 'anna@example.org' : `user-${at}`;
      const id = at % 4 === 0 ? `anna-of-the-valley/${at}` : `c${at}`;
      const messages = [say('user', tokens(20 + (at % 40) * 40)), say('assistant', tokens(30))];
      await t.vault.store({ spec: spec(id, { metadata: { user } }), messages, requestId: `r-${at}` }, signal);
      if (at % 4 > 0) continue;
      const snapshot = await t.backend.openConversation(id);
      const read = await snapshot!.read(0, 10);
      const keys = read.flatMap(({ segments }) => segments.map(({ key }) => key));
      for (const frame of await t.backend.readFrames(keys)) pieces.push(...piecesOf(frame.subarray(1)));
      snapshot!.release();
    }
    const names = ['anna@example.org', 'anna-of-the-valley'].map((name) => Buffer.from(name));

    // The control: deletion and collection leave it there.
    const ids = Array.from({ length: 40 }, (_, at) => `anna-of-the-valley/${at * 4}`);
    await t.vault.deleteMany({ selection: { kind: 'ids', ids }, dryRun: false }, signal);
    await collectAll(
      t.vault.collectGarbage({ dryRun: false, minAgeMs: 0, reportPreparation: false }, signal),
    );
    expect(found(await filesOf(t.folder), pieces)).toBeGreaterThan(0.9 * pieces.length);

    const receipt = await erase(t, {});
    expect(receipt).toMatchObject({ conversations: 60, violations: 0, gaps: [] });
    expect(receipt.overwrittenBytes).toBeGreaterThan(100_000);
    const after = await filesOf(t.folder);
    expect(found(after, pieces)).toBe(0);
    expect(found(after, names)).toBe(0);
    expect((await erase(t, {})).gaps).toEqual([]);
    expect((await t.vault.stats()).conversations).toBe(300);
  }, 60_000);

  it('have no byte of it after others have stored more, either', async () => {
    const random = new Random(13);
    const tokens = (count: number) => Array.from({ length: count }, () => random.below(100_000));
    const store = (id: string, user: string) =>
      t.vault.store(
        {
          spec: spec(id, { metadata: { user } }),
          messages: [say('user', tokens(40)), say('assistant', tokens(30))],
          requestId: `r-${id}`,
        },
        signal,
      );
    for (let at = 0; at < 200; at += 1)
      await store(
        at % 2 === 0 ? `anna-of-the-valley/${at}` : `c${at}`,
        at % 2 === 0 ? 'anna@example.org' : 'ben',
      );
    const pieces: Buffer[] = [];
    for (let at = 0; at < 200; at += 2) {
      const snapshot = await t.backend.openConversation(`anna-of-the-valley/${at}`);
      const read = await snapshot!.read(0, 10);
      snapshot!.release();
      const keys = read.flatMap(({ segments }) => segments.map(({ key }) => key));
      for (const frame of await t.backend.readFrames(keys)) pieces.push(...piecesOf(frame.subarray(1)));
    }
    const names = ['anna@example.org', 'anna-of-the-valley'].map((name) => Buffer.from(name));
    expect(await erase(t, {})).toMatchObject({ conversations: 100, violations: 0, gaps: [] });
    const before = await filesOf(t.folder);
    expect([found(before, pieces), found(before, names)]).toEqual([0, 0]);
    const left: number[][] = [];
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => store(`new${round}-${at}`, 'carl')));
      const after = await filesOf(t.folder);
      left.push([found(after, pieces), found(after, names)]);
    }
    expect(left).toEqual(left.map(() => [0, 0]));
  }, 60_000);

  it('have no byte of it in long runs of free pages, although others store meanwhile', async () => {
    const random = new Random(11);
    const tokens = () => Array.from({ length: 12_000 }, () => random.below(100_000));
    const store = (id: string, user: string) =>
      t.vault.store({ spec: spec(id, { metadata: { user } }), messages: [say('user', tokens())] }, signal);
    for (let at = 0; at < 60; at += 1) await store(`a${at}`, 'anna@example.org');
    const pieces: Buffer[] = [];
    for (let at = 0; at < 60; at += 1) {
      const snapshot = await t.backend.openConversation(`a${at}`);
      const [message] = await snapshot!.read(0, 1);
      snapshot!.release();
      const frames = await t.backend.readFrames(message!.segments.map(({ key }) => key));
      for (const frame of frames)
        for (let from = 1; from + 12 <= frame.length; from += 2000)
          pieces.push(Buffer.from(frame.subarray(from, from + 12)));
    }
    let isErasing = true;
    const storing = (async () => {
      for (let at = 0; isErasing; at += 1) await store(`b${at}`, 'ben');
    })();
    const receipt = await erase(t, {});
    isErasing = false;
    await storing;
    expect(receipt).toMatchObject({ conversations: 60, violations: 0, gaps: [] });
    expect(found(await filesOf(t.folder), pieces)).toBe(0);
  }, 60_000);

  it('have no byte of it in a run of free pages that one slice overwrites', async () => {
    const random = new Random(17);
    const tokens = Array.from({ length: 800_000 }, () => random.below(100_000));
    await t.vault.store({ spec: spec('a'), messages: [say('user', tokens)] }, signal);
    const snapshot = await t.backend.openConversation('a');
    const read = await snapshot!.read(0, 1);
    snapshot!.release();
    const keys = read.flatMap(({ segments }) => segments.map(({ key }) => key));
    const pieces = (await t.backend.readFrames(keys)).flatMap((frame) => piecesOf(frame.subarray(1)));
    await t.vault.deleteMany({ selection: { kind: 'ids', ids: ['a'] }, dryRun: false }, signal);
    await collectAll(
      t.vault.collectGarbage({ dryRun: false, minAgeMs: 0, reportPreparation: false }, signal),
    );
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    try {
      expect(await t.backend.overwriteUnused!({ waitMs: 0, signal })).toMatchObject({ isComplete: true });
    } finally {
      clock.mockRestore();
    }
    expect(found(await filesOf(t.folder), pieces)).toBe(0);
  }, 60_000);

  it('have no registry with text of it', async () => {
    await fillWithPhrases(t.vault, { conversations: 60, seed: 2, phraseSeed: 2 });
    const input = { dryRun: false, minSavingsRatio: 0, resumeToken: '' };
    const secret = Array.from({ length: 40 }, (_, at) => 60_000 + ((at * 7919) % 30_000));
    for (let at = 0; at < 12; at += 1) {
      const messages = [say('user', [...secret, at]), say('assistant', [at, ...secret, at + 1])];
      await t.vault.store(
        { spec: spec(`s${at}`, { metadata: { user: 'anna@example.org' } }), messages },
        signal,
      );
    }
    const budgets = { segmentsMax: undefined, bytesMax: undefined, timeMsMax: undefined };
    await collectAll(t.vault.compact({ ...input, ...budgets }, signal));
    const holdsSecret = async () => {
      for (const { id } of await t.backend.listRegistries()) {
        const twin = readRegistry((await t.backend.readRegistry(id))!);
        const texts = [twin.text, ...twin.spellings];
        if (texts.some((text) => text.some((token) => secret.includes(token)))) return true;
      }
      return false;
    };
    expect(await holdsSecret()).toBe(true);
    const content = await collectAll(partsOf(t.vault.retrieve({ id: 'c2-7', encoding: 'le32' }, signal)));

    const receipt = await erase(t, {});
    expect(receipt).toMatchObject({
      conversations: 12,
      registriesCompared: 1,
      registriesReplaced: [1],
      gaps: [],
    });
    expect(await holdsSecret()).toBe(false);
    expect(await collectAll(partsOf(t.vault.retrieve({ id: 'c2-7', encoding: 'le32' }, signal)))).toEqual(
      content,
    );
    expect(await erase(t, {})).toMatchObject({ registriesCompared: 1, registriesReplaced: [] });
  }, 60_000);
});

it('is refused by a storage whose layout has no place for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-erase-'));
  const t = await openTestVault(async (codec, clock) => {
    const { loadCore } = await import('../../src/core/index.js');
    return openFilesystemBackend({ folder, codec, core: await loadCore(), clock, fsync: false });
  });
  try {
    await expect(erase(t, {})).rejects.toMatchObject({ reason: 'UNSUPPORTED_BY_STORAGE' });
  } finally {
    await t.close();
    await rm(folder, { recursive: true, force: true });
  }
});
