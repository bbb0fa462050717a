import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import { fillWithPhrases } from '../support/phrases.js';
import { collectAll, openTestVault, signal, type TestVault } from '../support/vault.js';

const compactInput = {
  dryRun: false,
  minSavingsRatio: 0,
  segmentsMax: undefined,
  bytesMax: undefined,
  timeMsMax: undefined,
  resumeToken: '',
};

describe('the right to compact', () => {
  let folder: string;
  let t: TestVault;
  let lost: AbortController;
  let held: boolean;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-rights-'));
    [lost, held] = [new AbortController(), false];
    t = await openTestVault(async (codec, clock) => {
      const backend = await openLmdbBackend({ folder, codec, clock, durability: 'relaxed' });
      // As a database gives it, which others may give to another server.
      const tryLease = async () => ({ lost: lost.signal, release: async () => {} });
      return Object.assign(backend, { tryLease: async () => (held ? undefined : tryLease()) });
    });
    await fillWithPhrases(t.vault, { conversations: 20, seed: 1, phraseSeed: 1 });
  });
  afterEach(async () => {
    await t.close();
    await rm(folder, { recursive: true });
  });
  const begun = {
    compaction: (abort = signal) => t.vault.compact(compactInput, abort),
    erasure: (abort = signal) =>
      t.vault.erase({ selection: { kind: 'ids', ids: ['none'] }, dryRun: false, waitMs: 0 }, abort),
  };

  it.each(['compaction', 'erasure'] as const)('ends a %s that loses it, and says so', async (work) => {
    const parts = begun[work]();
    await parts.next();
    lost.abort();
    await expect(collectAll<unknown>(parts)).rejects.toMatchObject({
      reason: 'COMPACTION_RUNNING',
      message: expect.stringMatching(
        new RegExp(`^the ${work} was ended: .*a further call does the rest$`),
      ) as string,
    });
  });

  it.each(['compaction', 'erasure'] as const)(
    'leaves a %s cancelled that its caller cancels',
    async (work) => {
      const abort = new AbortController();
      const parts = begun[work](abort.signal);
      await parts.next();
      abort.abort();
      await expect(collectAll<unknown>(parts)).rejects.toMatchObject({ reason: 'CANCELLED' });
    },
  );

  it('is refused in words without figures while somebody else has it', async () => {
    held = true;
    await expect(collectAll<unknown>(begun.compaction())).rejects.toMatchObject({
      reason: 'COMPACTION_RUNNING',
      message: 'an erasure, or a compaction of another server, is running in the vault',
    });
  });
});
