import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillWithPhrases } from '../support/phrases.js';
import { collectAll, openTestVault, partsOf, signal, type TestVault } from '../support/vault.js';
import type { CompactInput, CompactPart, CompactSummary } from '../../src/vault/index.js';

let t: TestVault;
beforeEach(async () => (t = await openTestVault()));
afterEach(() => t.close());

const input: CompactInput = {
  dryRun: false,
  minSavingsRatio: 0.05,
  segmentsMax: undefined,
  bytesMax: undefined,
  timeMsMax: undefined,
  resumeToken: '',
};

const compact = (changes: Partial<CompactInput> = {}): Promise<CompactPart[]> =>
  collectAll(t.vault.compact({ ...input, ...changes }, signal));

const summaryOf = (parts: readonly CompactPart[]) => parts.at(-1) as CompactSummary;

const fill = (conversations: number, seed: number, phraseSeed = seed) =>
  fillWithPhrases(t.vault, { conversations, seed, phraseSeed });

const contentOf = async (id: string) =>
  (await collectAll(partsOf(t.vault.retrieve({ id, encoding: 'le32' }, signal)))).map((part) =>
    part.kind === 'chunk' ? part.content : undefined,
  );

describe('compaction', () => {
  it('shrinks what is stored, changes no token, and then finds nothing to do', async () => {
    await fill(150, 1);
    const before = await contentOf('c1-7');
    const parts = await compact();
    expect(parts.map(({ kind }) => kind).filter((kind) => kind !== 'progress')).toEqual(['plan', 'summary']);
    const { bytesBefore, bytesAfter, end } = summaryOf(parts);
    expect(end).toBe('complete');
    expect(bytesAfter).toBeLessThan(bytesBefore / 2);
    expect((await t.vault.stats()).segmentBytes).toBe(bytesAfter);
    expect(await contentOf('c1-7')).toEqual(before);
    expect(summaryOf(await compact())).toMatchObject({ end: 'notWorthIt', segmentsRewritten: 0 });
  });

  it('comes to about what its plan says', async () => {
    await fill(150, 6);
    const parts = await compact();
    const [plan] = parts.filter((part) => part.kind === 'plan');
    const { bytesAfter } = summaryOf(parts);
    expect(Math.abs(plan!.predictedFrameBytes / bytesAfter - 1)).toBeLessThan(0.1);
  });

  it('stops after the plan in a dry run', async () => {
    await fill(60, 2);
    const before = await t.vault.stats();
    const parts = await compact({ dryRun: true });
    expect(parts.map(({ kind }) => kind)).toEqual(['plan', 'summary']);
    expect(summaryOf(parts).end).toBe('dryRun');
    expect(await t.vault.stats()).toEqual(before);
    expect(await t.vault.listRegistries()).toEqual([]);
  });

  it('changes nothing where too little is saved, or nothing is stored', async () => {
    expect(summaryOf(await compact()).end).toBe('notWorthIt');
    await fill(60, 3);
    expect(summaryOf(await compact({ minSavingsRatio: 1 })).end).toBe('notWorthIt');
    expect(await t.vault.listRegistries()).toEqual([]);
  });

  it('ends at its budget, and goes on from its token until all is done', async () => {
    await fill(200, 4);
    let parts = await compact({ segmentsMax: 1 });
    let runs = 1;
    while (summaryOf(parts).end === 'budgetReached') {
      parts = await compact({ segmentsMax: 1, resumeToken: summaryOf(parts).resumeToken });
      runs++;
    }
    expect(summaryOf(parts).end).toBe('complete');
    expect(runs).toBeGreaterThan(2);
    const [registry] = await t.vault.listRegistries();
    expect(registry!.segments).toBeGreaterThan(0.9 * (await t.vault.stats()).segments);
  });

  it('finishes in a new call what was cut short', async () => {
    await fill(200, 5);
    const controller = new AbortController();
    const cut = t.vault.compact(input, controller.signal);
    for await (const part of cut) if (part.kind === 'progress') break;
    controller.abort();
    const [registry] = await t.vault.listRegistries();
    const parts = await compact({ minSavingsRatio: 0.01 });
    expect(parts[0]).toMatchObject({ kind: 'plan', registryId: registry!.id, newRegistry: false });
    expect(summaryOf(parts).end).toBe('complete');
  });

  it('is refused while another one runs, with that one’s progress', async () => {
    await fill(60, 6);
    const running = t.vault.compact(input, signal);
    expect((await running.next()).value).toMatchObject({ kind: 'plan' });
    await expect(compact()).rejects.toMatchObject({
      reason: 'COMPACTION_RUNNING',
      metadata: { segments_done: '0' },
    });
    expect(summaryOf(await collectAll(running)).end).toBe('complete');
  });

  it('has made room for another one when its summary comes', async () => {
    await fill(60, 8);
    for await (const part of t.vault.compact({ ...input, timeMsMax: 0 }, signal)) {
      if (part.kind !== 'summary') continue;
      expect(part.end).toBe('budgetReached');
      expect(summaryOf(await compact({ resumeToken: part.resumeToken })).end).toBe('complete');
    }
  });

  it('writes new segments with the newest registry', async () => {
    await fill(150, 7);
    await compact();
    const before = (await t.vault.listRegistries())[0]!;
    await fill(10, 8, 7);
    expect((await t.vault.listRegistries())[0]!.segments).toBeGreaterThan(before.segments);
  });

  it('does not pile up registries, however often it runs', async () => {
    for (let round = 0; round < 3; round++) {
      await fill(80, 10 + round);
      const before = (await t.vault.stats()).segmentBytes;
      const { bytesBefore, bytesAfter } = summaryOf(await compact({ minSavingsRatio: 0.01 }));
      expect([bytesBefore, bytesAfter]).toEqual([before, (await t.vault.stats()).segmentBytes]);
      await t.vault.delete(`c${10 + round}-0`, { allowMissing: false });
      await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    }
    expect((await t.vault.listRegistries()).length).toBeLessThanOrEqual(2);
  });

  it('leaves those alone who read slowly while it drops what their frames need', async () => {
    await fill(80, 20);
    await compact();
    const before = await contentOf('c20-0');
    const hashes = (await t.vault.getWithMessages('c20-0')).messages.flatMap(({ segments }) =>
      segments.map(({ hash }) => hash),
    );
    const reading = t.vault.retrieve({ id: 'c20-0', encoding: 'le32' }, signal);
    await reading.next(); // The header.
    const batch = (await reading.next()).value!;
    const segments = t.vault.getSegments({ hashes, encoding: 'le32' }, signal);
    const first = (await segments.next()).value;

    // Other content, so that another registry replaces the first.
    await fill(400, 21);
    expect(summaryOf(await compact({ minSavingsRatio: 0 })).registriesDropped).toEqual([1]);

    const contents = [...batch].map((part) => (part.kind === 'chunk' ? part.content : undefined));
    expect([undefined, ...contents]).toEqual(before);
    await reading.return();
    const others = await collectAll(segments);
    expect([first!, ...others].map(({ kind }) => kind)).toEqual(hashes.map(() => 'chunk'));
  });

  it('refuses a token of another vault, or of none', async () => {
    for (const resumeToken of ['x', Buffer.from('["other",1,null]').toString('base64url')]) {
      await expect(compact({ resumeToken })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field: 'resume_token' },
      });
    }
  });
});
