import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../src/model/index.js';
import type { Change, StorageBackend } from '../../src/storage/index.js';
import { checkCommits } from '../../src/vaults/change-check.js';
import { Quota } from '../../src/vaults/quota.js';

const quotaBytes = 1_000_000;
const frameBytes = 100_000;

/** Returns a vault whose commits take some turns and then the bytes of their segments. */
function vaultWithQuota() {
  const used = { bytes: 0, fails: false };
  const backend = {
    async commit({ newSegments, put }: Change): Promise<void> {
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      if (used.fails) throw new Error('the commit failed');
      for (const { frame } of newSegments ?? []) used.bytes += frame.byteLength;
      for (const value of Object.values(put?.spec.metadata ?? {})) used.bytes += value.length;
    },
    stats: async () => Promise.resolve({ inUseBytes: used.bytes }),
  } as unknown as StorageBackend;
  checkCommits(backend, [
    new Quota(
      'a',
      async () => backend.stats(),
      () => quotaBytes,
    ),
  ]);
  const metadata = { notes: 'x'.repeat(frameBytes) };
  const described = { put: { spec: { metadata } } } as unknown as Change;
  const change = { newSegments: [{ frame: new Uint8Array(frameBytes) }] } as unknown as Change;
  /** Stores at once, and returns how many were refused because the vault is full. */
  const store = async (count: number, each = change): Promise<number> => {
    const stored = Array.from({ length: count }, async () => backend.commit(each));
    const reasons = (await Promise.allSettled(stored)).map((each) =>
      each.status === 'rejected' && isStowkenError(each.reason) ? each.reason.reason : undefined,
    );
    return reasons.filter((reason) => reason === 'VAULT_FULL').length;
  };
  return { used, store, described };
}

describe('a quota', () => {
  it('is kept by stores that come at once, up to one of them', async () => {
    const { used, store } = vaultWithQuota();
    expect(await store(100)).toBeGreaterThanOrEqual(89);
    expect(used.bytes).toBeGreaterThan(quotaBytes - 2 * frameBytes);
    expect(used.bytes).toBeLessThanOrEqual(quotaBytes + frameBytes);
  });

  it('is kept by stores of metadata that come at once, up to one of them', async () => {
    const { used, store, described } = vaultWithQuota();
    expect(await store(100, described)).toBeGreaterThanOrEqual(89);
    expect(used.bytes).toBeLessThanOrEqual(quotaBytes + frameBytes);
  });

  it('is filled by one store after the other, and has room again at once for what failed', async () => {
    const { used, store } = vaultWithQuota();
    used.fails = true;
    for (let n = 0; n < 3; n += 1) expect(await store(9)).toBe(0);
    used.fails = false;
    for (let n = 0; n < 10; n += 1) expect(await store(1)).toBe(0);
    expect(used.bytes).toBe(quotaBytes);
    expect(await store(1)).toBe(1);
    used.bytes = 0.9 * quotaBytes;
    await expect.poll(async () => store(1), { timeout: 30_000 }).toBe(0);
  });
});
