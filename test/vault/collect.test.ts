import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
beforeEach(async () => (t = await openTestVault()));
afterEach(() => t.close());

const collect = (options: { dryRun?: boolean; minAgeMs?: number } = {}) =>
  collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0, ...options }, signal));

describe('garbage', () => {
  beforeEach(async () => {
    const shared = say('system', [1, 2, 3]);
    await t.vault.store({ spec: spec('a'), messages: [shared, say('user', [4])] }, signal);
    await t.vault.store({ spec: spec('b'), messages: [shared, say('user', [5])] }, signal);
  });

  it('is what no conversation holds any more', async () => {
    expect(await t.vault.delete('a', { allowMissing: false })).toEqual({
      releasedReferences: 2,
      garbageSegments: 1,
    });
    expect(await t.vault.stats()).toMatchObject({ segments: 3, garbageSegments: 1 });
    expect(await t.vault.delete('b', { allowMissing: false })).toEqual({
      releasedReferences: 2,
      garbageSegments: 2,
    });
    expect((await collect()).at(-1)).toMatchObject({ kind: 'summary', segments: 3, keptSegments: 0 });
    expect(await t.vault.stats()).toMatchObject({
      conversations: 0,
      segments: 0,
      garbageSegments: 0,
      segmentBytes: 0,
    });
  });

  it('is planned and left alone in a dry run', async () => {
    await t.vault.delete('a', { allowMissing: false });
    const parts = await collect({ dryRun: true });
    expect(parts.map(({ kind }) => kind)).toEqual(['plan', 'summary']);
    expect(parts[0]).toMatchObject({ segments: 1 });
    expect(parts[1]).toEqual({ kind: 'summary', segments: 0, frameBytes: 0, keptSegments: 0 });
    expect(await t.vault.stats()).toMatchObject({ segments: 3, garbageSegments: 1 });
  });

  it('is kept until it is old enough', async () => {
    await t.vault.delete('a', { allowMissing: false });
    t.clock.nowMs += 999;
    expect((await collect({ minAgeMs: 1000 })).at(-1)).toMatchObject({ segments: 0 });
    t.clock.nowMs += 1;
    expect((await collect({ minAgeMs: 1000 })).at(-1)).toMatchObject({ segments: 1 });
  });

  it('lives again when a conversation takes it up, also between the plan and its execution', async () => {
    await t.vault.delete('a', { allowMissing: false });
    const collection = t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal);
    expect((await collection.next()).value).toMatchObject({ kind: 'plan', segments: 1 });
    await t.vault.store({ spec: spec('c'), messages: [say('user', [4])] }, signal);
    const rest = await collectAll(collection);
    expect(rest.at(-1)).toMatchObject({ kind: 'summary', segments: 0, keptSegments: 1 });
    expect(await collectAll(partsOf(t.vault.retrieve({ id: 'c', encoding: 'le32' }, signal)))).toHaveLength(
      2,
    );
  });

  it('counts as kept only what was left, also if more is garbage than was planned', async () => {
    await t.vault.delete('a', { allowMissing: false });
    const collection = t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal);
    expect((await collection.next()).value).toMatchObject({ kind: 'plan', segments: 1 });
    // At the same time by the clock, as what another server counts late.
    await t.vault.delete('b', { allowMissing: false });
    const rest = await collectAll(collection);
    expect(rest.at(-1)).toMatchObject({ kind: 'summary', segments: 3, keptSegments: 0 });
  });

  it('is not taken from under a stream that still reads it', async () => {
    const stream = partsOf(t.vault.retrieve({ id: 'a', encoding: 'le32' }, signal));
    expect((await stream.next()).value).toMatchObject({ kind: 'header' });
    await t.vault.delete('a', { allowMissing: false });
    expect((await collect()).at(-1)).toMatchObject({ segments: 0, keptSegments: 1 });
    expect(await collectAll(stream)).toHaveLength(2);
    expect((await collect()).at(-1)).toMatchObject({ segments: 1, keptSegments: 0 });
  });

  it('says what it cannot find, unless told that it may be missing', async () => {
    await expect(t.vault.delete('x', { allowMissing: false })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
      metadata: { resource_name: 'x' },
    });
    expect(await t.vault.delete('x', { allowMissing: true })).toEqual({
      releasedReferences: 0,
      garbageSegments: 0,
      missing: true,
    });
    await expect(t.vault.delete('a', { allowMissing: true, ifRevision: 2 })).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
  });
});
