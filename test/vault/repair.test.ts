import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import { Environment, type Tables } from '../../src/storage/lmdb/tables/environment.js';
import type { VerifyPart } from '../../src/vault/index.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

let folder: string;
let t: TestVault;
const open = async () => {
  t = await openTestVault((codec, clock) => openLmdbBackend({ folder, codec, clock }));
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowken-repair-'));
  await open();
  for (let n = 0; n < 20; n++) {
    const messages = [say('system', [1, 2, 3]), say('user', [n, n])];
    await t.vault.store({ spec: spec(`c${n}`), messages }, signal);
  }
  await t.vault.delete('c0', { allowMissing: false });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Damages the vault while nobody has it open. */
async function spoil(change: (tables: Tables) => void): Promise<void> {
  await t.close();
  const environment = await Environment.open(folder, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
  await open();
}

/** Makes the first message's segment, which every conversation has, appear as garbage. */
const uncounted = (tables: Tables) => {
  tables.refCounts.put(1, Buffer.from([0, ...Array<number>(21).fill(1), ...Array<number>(234).fill(0)]));
};

const kinds = (parts: readonly VerifyPart[], kind: VerifyPart['kind']) =>
  parts.filter((part) => part.kind === kind);

describe('verifying with repair', () => {
  it('changes nothing in a vault that is whole', async () => {
    const parts = await collectAll(t.vault.verify({ repair: true }, signal));
    expect(parts.at(-1)).toEqual({ kind: 'summary', records: 40, repaired: 0, violations: 0 });
    expect(new Set(parts.map((part) => part.kind === 'progress' && part.phase))).toEqual(
      new Set(['checking', false]),
    );
    await t.close();
  });

  it('repairs what follows from other records, phase by phase, and names it', async () => {
    await spoil(uncounted);
    const before = kinds(await collectAll(t.vault.verify({ repair: false }, signal)), 'violation');
    expect(before.length).toBeGreaterThan(0);
    const parts = await collectAll(t.vault.verify({ repair: true }, signal));
    const phases = parts.flatMap((part) => (part.kind === 'progress' ? [part.phase] : []));
    expect([...new Set(phases)]).toEqual(['checking', 'rebuilding', 'checkingAgain']);
    expect(kinds(parts, 'repaired')).toEqual(before.map((part) => ({ ...part, kind: 'repaired' })));
    expect(parts.at(-1)).toMatchObject({ repaired: before.length, violations: 0 });
    await t.close();
  });

  it('does nothing once its call is cancelled', async () => {
    await spoil(uncounted);
    const abort = new AbortController();
    const parts = t.vault.verify({ repair: true }, abort.signal);
    await parts.next();
    abort.abort();
    await expect(collectAll(parts)).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(
      kinds(await collectAll(t.vault.verify({ repair: false }, signal)), 'violation').length,
    ).toBeGreaterThan(0);
    await collectAll(t.vault.verify({ repair: true }, signal));
    await t.close();
  });
});

describe('destructive work', () => {
  const compaction = {
    dryRun: false,
    minSavingsRatio: 0,
    resumeToken: '',
    segmentsMax: undefined,
    bytesMax: undefined,
    timeMsMax: undefined,
  };
  const collect = () => collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));

  it('does not start where counts, garbage or manifests are not as they must be, until they are', async () => {
    await spoil((tables) => {
      uncounted(tables);
      tables.garbage.put(1, tables.garbage.get(2)!);
    });
    const before = await t.vault.stats();
    const refusal = { reason: 'CORRUPT_STORE', metadata: { violations: expect.any(String) as string } };
    await expect(collect()).rejects.toMatchObject(refusal);
    await expect(collectAll(t.vault.compact(compaction, signal))).rejects.toMatchObject(refusal);
    expect((await t.vault.stats()).segments).toBe(before.segments);
    await collectAll(t.vault.verify({ repair: true }, signal));
    expect((await collect()).at(-1)).toMatchObject({ kind: 'summary', segments: 1 });
    await t.close();
  });

  it('starts where a frame alone is damaged', async () => {
    await spoil((tables) => {
      const pack = [...tables.packs.range()][0]!;
      const bytes = Buffer.from(pack.value);
      bytes[bytes.length - 1]! ^= 1;
      tables.packs.put(pack.key, bytes);
    });
    const parts = await collectAll(t.vault.verify({ repair: true }, signal));
    expect(kinds(parts, 'violation')).toMatchObject([{ invariant: 'frame' }]);
    expect((await collect()).at(-1)).toMatchObject({ kind: 'summary', segments: 1 });
    await t.backend.close();
  });
});
