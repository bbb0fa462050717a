import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/model/index.js';
import { Random } from '../crash/random.js';
import { collectAll, say, signal, spec, wordsOf, type TestVault } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each(storageKinds)('a change with many new tokens, over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  const random = new Random(7);
  const tokens = Array.from({ length: limits.commitTokensMax + 100_000 }, () => random.below(200_000));
  const half = tokens.length / 2;
  const messages = [say('user', tokens.slice(0, half)), say('assistant', tokens.slice(half))];

  /** Returns the new tokens of each commit that `change` makes. */
  async function tokensOfCommits(change: () => Promise<unknown>): Promise<number[]> {
    const commit = vi.spyOn(t.backend, 'commit');
    await change();
    const brought = commit.mock.calls.map(([{ newSegments = [] }]) =>
      newSegments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    );
    commit.mockRestore();
    return brought;
  }

  async function read(id: string): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const batch of t.vault.retrieve({ id, encoding: 'le32' }, signal)) {
      for (const part of batch) {
        if (part.kind === 'chunk' && part.content?.kind === 'le32') chunks.push(part.content.bytes);
      }
    }
    return sha256(Buffer.concat(chunks));
  }

  it('is stored in commits of a bounded size, and a retry gets the first answer', async () => {
    const store = () => t.vault.store({ spec: spec('a'), messages, requestId: 'r' }, signal);
    let first: unknown;
    const brought = await tokensOfCommits(async () => (first = await store()));
    expect(brought.length).toBeGreaterThan(2);
    expect(Math.max(...brought)).toBeLessThanOrEqual(
      limits.uploadBatchTokensMax + limits.segmentCutTokensMax,
    );
    expect(first).toMatchObject({ newTokens: tokens.length, unchanged: false });
    expect(await store()).toEqual(first);
    expect(await read('a')).toBe(sha256(wordsOf(tokens)));
  });

  it('appends in the same way', async () => {
    await t.vault.store({ spec: spec('b'), messages: [say('system', [1, 2, 3])] }, signal);
    const append = () => t.vault.append({ id: 'b', messages, requestId: 'r' }, signal);
    let first: unknown;
    expect((await tokensOfCommits(async () => (first = await append()))).length).toBeGreaterThan(2);
    expect(first).toMatchObject({ newTokens: tokens.length });
    expect(await append()).toEqual(first);
    expect(await read('b')).toBe(sha256(wordsOf([1, 2, 3, ...tokens])));
  });

  it('that is refused leaves only garbage, which is collected', async () => {
    await t.vault.store({ spec: spec('c'), messages: [say('user', [1])] }, signal);
    const refused = t.vault.store({ spec: spec('c'), messages }, signal);
    await expect(refused).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    await collectAll(t.vault.collectGarbage({ minAgeMs: 0, dryRun: false }, signal));
    expect(await t.vault.stats()).toMatchObject({ conversations: 1, segments: 1 });
  });
});
