import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits, type VaultStats } from '../../src/model/index.js';
import { AutoCompaction, type CompactSummary } from '../../src/vault/index.js';
import { eventually } from '../support/wait.js';
import { openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
let done: CompactSummary[];
const errors: unknown[] = [];
beforeEach(async () => {
  t = await openTestVault();
  done = [];
});
afterEach(async () => {
  await t.close();
  expect(errors).toEqual([]);
});

/** A vault that reports this many additional tokens. */
function grown(tokens: () => number): ConstructorParameters<typeof AutoCompaction>[0] {
  return {
    stats: async (): Promise<VaultStats> => {
      const stats = await t.vault.stats();
      return { ...stats, uniqueTokens: stats.uniqueTokens + tokens() };
    },
    listRegistries: () => t.vault.listRegistries(),
    compact: (...args) => t.vault.compact(...args),
  };
}

const auto = (tokens: () => number) =>
  new AutoCompaction(grown(tokens), {
    onDone: (summary) => done.push(summary),
    onError: (error) => errors.push(error),
  });

async function fill(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const tokens = Array.from(
      { length: 120 },
      (_, at) => ((at >> 4) * 7919 + (at & 15) * 31 + (i % 7)) % 50_000,
    );
    await t.vault.store({ spec: spec(`c${i}`), messages: [say('user', [i, ...tokens])] }, signal);
  }
}

describe('automatic compaction', () => {
  it('leaves a small vault alone', async () => {
    await fill(0, 200);
    await auto(() => 0).look();
    expect(await t.vault.listRegistries()).toEqual([]);
  });

  it('compacts a vault without a registry once, and again when it has grown by half', async () => {
    await fill(0, 200);
    let more = limits.autoCompactionTokensMin;
    const compaction = auto(() => more);
    await compaction.look();
    expect(done.map(({ end }) => end)).toEqual(['complete']);
    more *= 1.2;
    await compaction.look();
    expect(done).toHaveLength(1);
    more *= 1.5;
    await compaction.look();
    expect(done).toHaveLength(2);
  });

  it('leaves a vault alone whose frames have a registry when the server starts', async () => {
    await fill(0, 200);
    await auto(() => limits.autoCompactionTokensMin).look();
    await auto(() => limits.autoCompactionTokensMin).look();
    expect(done).toHaveLength(1);
  });

  it('looks by itself until it is stopped', async () => {
    await fill(0, 200);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const compaction = auto(() => limits.autoCompactionTokensMin);
    try {
      compaction.start();
      vi.advanceTimersByTime(limits.autoCompactionPauseMs);
    } finally {
      vi.useRealTimers();
    }
    await eventually(() => expect(done).not.toEqual([]));
    await compaction.stop();
    expect(done.map(({ end }) => end)).toEqual(['complete']);
  });

  it('ends a run under way when it is stopped', async () => {
    await fill(0, 200);
    const compaction = auto(() => limits.autoCompactionTokensMin);
    const look = compaction.look();
    await compaction.stop();
    await look;
    expect(done).toEqual([]);
  });
});
