import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../crash/random.js';
import { sampleOr } from '../../support/sample.js';
import { openStoredVault } from '../../support/stored-vault.js';
import { collectAll, partsOf, say, signal, spec, type TestVault } from '../../support/vault.js';

const CONVERSATIONS = sampleOr(1500, 3000);

let t: TestVault;
let random: Random;
/** Bytes in use of a vault with one conversation: a page of most tables, however few records they have. */
let least: number;
beforeEach(async () => {
  random = new Random(1);
  t = await openStoredVault('lmdb');
  await store('c0');
  least = await inUse();
  for (let i = 1; i < CONVERSATIONS; i++) await store(`c${i}`);
});
afterEach(() => t.close());

/** Long enough for the prefix index, in random order for every index. */
async function store(name: string): Promise<void> {
  const application = `application-${random.below(3)}`;
  const tokens = Array.from({ length: 260 }, (_, at) => (at < 4 ? random.below(200_000) : 1));
  const id = `${random.below(2 ** 31)}/${name}`;
  await t.vault.store({ spec: spec(id, { application }), messages: [say('user', tokens)] }, signal);
}

async function ids(): Promise<string[]> {
  const page = { filter: {}, order: 'oldestFirst', limit: 10_000, scanLimit: 10_000 } as const;
  return (await t.vault.list(page)).conversations.map(({ id }) => id);
}

async function contents(): Promise<unknown[]> {
  const all = [];
  for (const id of await ids()) {
    all.push(await collectAll(partsOf(t.vault.retrieve({ id, encoding: 'le32' }, signal))));
  }
  return all;
}

const inUse = async () => (await t.vault.stats()).inUseBytes;

describe('defragmenting an lmdb vault', () => {
  it('gives back the pages that deletion left half empty, and changes nothing', async () => {
    const full = await inUse();
    for (const [at, id] of (await ids()).entries()) {
      if (at % 4 !== 0) await t.vault.delete(id, { allowMissing: false });
    }
    await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    const before = await contents();
    const loose = await t.backend.reclaimableBytes!(signal);
    const deleted = await inUse();
    await t.backend.defragment!(signal);
    expect((await inUse()) - least).toBeLessThan(0.4 * (full - least));
    expect((deleted - (await inUse())) / loose).toBeGreaterThan(0.7);
    expect(await t.backend.reclaimableBytes!(signal)).toBeLessThan(0.1 * loose);
    expect(await contents()).toEqual(before);
  });

  it('lets others write meanwhile', async () => {
    let over = false;
    const defragmenting = t.backend.defragment!(signal).finally(() => (over = true));
    let stored = 0;
    for (; !over; stored++) await store(`meanwhile-${stored}`);
    await defragmenting;
    expect(stored).toBeGreaterThan(5);
    expect(await ids()).toHaveLength(CONVERSATIONS + stored);
  });

  it('stops when it is cancelled', async () => {
    const stop = new AbortController();
    const defragmenting = t.backend.defragment!(stop.signal);
    stop.abort();
    await expect(defragmenting).rejects.toMatchObject({ reason: 'CANCELLED' });
  });

  it('is what a compaction does where no frame can shrink', async () => {
    const input = {
      dryRun: false,
      // More than a new registry could save: its bytes are a sixth of all.
      minSavingsRatio: 0.15,
      segmentsMax: undefined,
      bytesMax: undefined,
      timeMsMax: undefined,
      resumeToken: '',
    };
    const compact = async () => collectAll(t.vault.compact(input, signal));
    expect((await compact()).at(-1)).toMatchObject({ end: 'complete' });
    for (const [at, id] of (await ids()).entries()) {
      if (at % 2 === 0) await t.vault.delete(id, { allowMissing: false });
    }
    await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    const before = await inUse();
    expect((await compact()).at(-1)).toMatchObject({
      end: 'complete',
      segmentsDone: 0,
      segmentsRewritten: 0,
    });
    expect(await inUse()).toBeLessThan(0.8 * before);
    expect((await compact()).at(-1)).toMatchObject({ end: 'notWorthIt' });
  });
});
