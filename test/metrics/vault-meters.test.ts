import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { type Measured, Samples } from '../../src/metrics/index.js';
import { VaultMeters } from '../../src/metrics/vault-meters.js';
import { limits } from '../../src/model/index.js';
import { openFilesystemBackend, openLmdbBackend, StorageActivity } from '../../src/storage/index.js';
import { asHash } from '../support/hashes.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-meters-'));
afterAll(() => rmSync(folder, { recursive: true }));

function labels(meters: VaultMeters): string[] {
  const samples = new Samples();
  meters.collect(samples);
  const readers = samples.measured.find(({ name }) => name === 'stowken_readers') as Measured;
  return readers.values.map(({ labels: { vault } }) => vault!);
}

describe('the labels of vaults', () => {
  it('are as many as the limit, whatever vaults there are, and one for all others', () => {
    const meters = new VaultMeters();
    const names = Array.from({ length: limits.metricsVaultsMax }, (_, n) => `v${n}`);
    for (const name of names) expect(meters.of(name).label).toBe(name);
    expect(labels(meters)).toEqual(names);
    for (let n = 0; n < 1000; n += 1) expect(meters.of(`other-${n}`).label).toBe('(others)');
    expect(meters.of('v0').label).toBe('v0');
    expect(labels(meters)).toEqual([...names, '(others)']);
    // A worker gets the label from the process that keeps the vaults.
    expect(new VaultMeters().of('(others)').label).toBe('(others)');
  });

  it('go to another vault when theirs is deleted', () => {
    const meters = new VaultMeters();
    for (let n = 0; n < limits.metricsVaultsMax; n += 1) meters.of(`v${n}`);
    meters.of('v3').storage.failedCommits = 7;
    meters.forget('v3');
    expect(meters.of('late')).toMatchObject({ label: 'late', storage: { failedCommits: 0 } });
    expect(meters.of('v3').label).toBe('(others)');
  });
});

describe.each(['lmdb', 'filesystem'] as const)('the activity of %s', (kind) => {
  it('counts commits, what they had and who waits, and goes on when it is opened again', async () => {
    const core = await loadCore();
    const activity = new StorageActivity();
    const open = () => {
      const given = { folder: join(folder, kind), codec: createLiveCodec(core), clock: Date.now, activity };
      return kind === 'lmdb' ? openLmdbBackend(given) : openFilesystemBackend({ ...given, core });
    };
    const total = (counts: readonly number[]) => counts.reduce((sum, each) => sum + each, 0);
    let backend = await open();
    const before = total(activity.commitSeconds.counts);
    const commit = (holder: string) =>
      backend.commit({ addReferences: [{ hash: asHash('f'.repeat(64)), holder }] }).catch(() => undefined);
    const commits = Array.from({ length: 10 }, (_, n) => commit(`h${n}`));
    await Promise.all(commits);
    const counted = total(activity.commitSeconds.counts) - before;
    expect(counted).toBeGreaterThan(0);
    expect(counted).toBeLessThan(10);
    expect(total(activity.commitChanges.counts)).toBe(total(activity.commitSeconds.counts));
    expect(activity.commitChanges.sum).toBe(10);
    expect(activity.waitingChanges).toBe(0);
    expect(activity.commitSeconds.sum).toBeGreaterThan(0);

    const ends = [backend.lease(), backend.lease()];
    expect(activity.readers.count).toBe(2);
    const standing = backend.lease({ standing: true });
    expect(activity.readers.count).toBe(2);
    expect(activity.readers.oldestMs).toBeGreaterThan(0);
    ends[0]!();
    ends[0]!();
    expect(activity.readers.count).toBe(1);
    ends[1]!();
    standing();
    expect(activity.readers).toMatchObject({ count: 0, oldestMs: 0 });
    expect(await backend.check()).toEqual([]);
    await backend.close();

    backend = await open();
    await commit('again');
    expect(activity.commitChanges.sum).toBe(11);
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });
});
