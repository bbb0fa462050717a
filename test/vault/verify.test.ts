import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryBackend, openLmdbBackend, type Violation } from '../../src/storage/index.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

const messages = 120;
const tokens = 8_000;

describe.each(['memory', 'lmdb'] as const)('verifying a vault in %s', (kind) => {
  let folder: string;
  let t: TestVault;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-verify-'));
    t = await openTestVault(async (codec, clock) =>
      kind === 'memory' ? createMemoryBackend({ codec, clock }) : openLmdbBackend({ folder, codec, clock }),
    );
    const list = Array.from({ length: messages }, (_, message) =>
      say(
        'user',
        Array.from({ length: tokens }, (_, index) => (index * 7919 + message * 104_729) % 200_000),
      ),
    );
    await t.vault.store({ spec: spec('c'), messages: list }, signal);
  });
  afterEach(async () => {
    await t.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('tells how far it is, then that all is whole', async () => {
    const parts = await collectAll(t.vault.verify({ repair: false }, signal));
    expect(parts.at(-1)).toEqual({ kind: 'summary', records: messages + 1, repaired: 0, violations: 0 });
    expect(parts[0]).toMatchObject({ kind: 'progress', phase: 'checking', total: messages + 1 });
    const done = parts.flatMap((part) => (part.kind === 'progress' ? [part.done] : []));
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it('notes a clock that is behind what is stored, which keeps nobody from working', async () => {
    t.clock.nowMs += 3 * 24 * 3600 * 1000;
    await t.vault.store({ spec: spec('ahead'), messages: [] }, signal);
    t.clock.nowMs -= 3 * 24 * 3600 * 1000;
    const later = await t.vault.store({ spec: spec('later'), messages: [] }, signal);
    expect(later.conversation.createTimeMs).toBe(t.clock.nowMs + 3 * 24 * 3600 * 1000);
    const parts = await collectAll(t.vault.verify({ repair: false }, signal));
    const notes = parts.flatMap((part) => (part.kind === 'note' ? [part] : []));
    expect(notes).toMatchObject([{ subject: 'conversation later' }]);
    expect(notes[0]!.detail).toContain(new Date(later.conversation.createTimeMs).toISOString());
    expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
    await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    // Less than a minute is not reported.
    t.clock.nowMs = later.conversation.createTimeMs - 1000;
    const again = await collectAll(t.vault.verify({ repair: false }, signal));
    expect(again.some((part) => part.kind === 'note')).toBe(false);
  });

  it('lets others work while it does, and sees one state', async () => {
    let served = 0;
    let over = false;
    const verifying = collectAll(t.vault.verify({ repair: false }, signal)).finally(() => (over = true));
    const changing = t.vault
      .store({ spec: spec('other'), messages: [say('user', [1])] }, signal)
      .then(() => t.vault.delete('other', { allowMissing: false }));
    while (!over) {
      await t.vault.get('c');
      await new Promise(setImmediate);
      served += 1;
    }
    await changing;
    expect((await verifying).at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
    expect(served).toBeGreaterThan(5);
  });

  it('stops when it is cancelled, or when nobody reads on', async () => {
    const abort = new AbortController();
    const cancelled = t.vault.verify({ repair: false }, abort.signal);
    expect((await cancelled.next()).value).toMatchObject({ kind: 'progress' });
    abort.abort();
    await expect(collectAll(cancelled)).rejects.toMatchObject({ reason: 'CANCELLED' });
    await expect(collectAll(t.vault.verify({ repair: false }, AbortSignal.abort()))).rejects.toMatchObject({
      reason: 'CANCELLED',
    });

    const check = t.backend.check.bind(t.backend);
    let ended: Promise<unknown> = Promise.resolve();
    t.backend.check = (options) => {
      const checking = check(options);
      ended = checking.catch((error: unknown) => error);
      return checking;
    };
    const left = t.vault.verify({ repair: false }, signal);
    await left.next();
    await left.return();
    expect(await ended).toMatchObject({ reason: 'CANCELLED' });
    t.backend.check = check;
  });

  it('names what is wrong, one by one', async () => {
    const found: Violation[] = ['a', 'b'].map((name) => ({
      invariant: 'frame',
      subject: `segment ${name}`,
      detail: 'is not what it was',
    }));
    const check = t.backend.check.bind(t.backend);
    t.backend.check = async () => found;
    const parts = await collectAll(t.vault.verify({ repair: false }, signal));
    t.backend.check = check;
    expect(parts.slice(-3)).toEqual([
      ...found.map((violation) => ({ kind: 'violation', ...violation })),
      expect.objectContaining({ kind: 'summary', violations: 2 }),
    ]);
  });
});
