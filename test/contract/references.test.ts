import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backendKinds,
  longSegment,
  segment,
  storing,
  type Bench,
  useBench,
  itStoringOnce,
} from './support.js';
import type { SegmentHash } from '../../src/model/index.js';
import type { OutsideReference, ReferencePage } from '../../src/storage/index.js';

describe.each(backendKinds)('references in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const [a, b, c] = [segment(1), segment(2), segment(3)];
  const of = (holder: string, ...segments: { hash: SegmentHash }[]) =>
    segments.map(({ hash }) => ({ hash, holder }));
  const counts = (...refCounts: (number | undefined)[]) =>
    refCounts.map((refCount) => (refCount === undefined ? undefined : { refCount }));

  async function refCountOf(hash: SegmentHash): Promise<number | undefined> {
    const [stored] = await bench().backend.findSegments([hash]);
    if (!stored) return undefined;
    return (await bench().backend.countReferences([stored.key]))[0];
  }

  async function garbage(): Promise<SegmentHash[]> {
    const page = await bench().backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
    return bench().backend.readHashes(page.segments.map(({ key }) => key));
  }

  itStoringOnce(kind)(
    'keep a segment, also when it comes with them, and when the store is opened again',
    async () => {
      const result = await commit({ newSegments: [a, b], addReferences: of('h', a) });
      expect(result.addReferences).toEqual(counts(1));
      expect(await garbage()).toEqual([b.hash]);
      await bench().reopen();
      expect(await refCountOf(a.hash)).toBe(1);
      const removed = await commit({ removeReferences: of('h', a) });
      expect(removed.removeReferences).toEqual(counts(0));
      expect(await garbage()).toEqual([a.hash, b.hash]);
      expect(await bench().backend.stats()).toMatchObject({ garbageSegments: 2, garbageBytes: 4 });
    },
  );

  it('are facts: added twice is once, and what is not there cannot be removed', async () => {
    await commit({ newSegments: [a, b], addReferences: of('h', a) });
    const again = await commit({ addReferences: [...of('h', a, a, b), ...of('g', a)] });
    expect(again.addReferences).toEqual(counts(1, 1, 1, 2));
    const removed = await commit({ removeReferences: [...of('none', a), ...of('h', a, a), ...of('g', b)] });
    expect(removed.removeReferences).toEqual(counts(2, 1, 1, 1));
    expect(await garbage()).toEqual([]);
  });

  itStoringOnce(kind)(
    'that manifests have are not for clients to release, whatever the holder is called',
    async () => {
      await commit(storing('c', [a]));
      const held = await commit({ addReferences: of('c', a) });
      expect(held.addReferences).toEqual(counts(2));
      for (const holder of ['c', '1', '', 'conversation c']) {
        await commit({ removeReferences: of(holder, a) });
      }
      expect(await refCountOf(a.hash)).toBe(1);
      await commit({ addReferences: of('h', a) });
      const deleted = await commit({ delete: { id: 'c', timeMs: 1_000 } });
      expect(deleted.delete).toEqual({ releasedReferences: 1, garbageSegments: 0 });
      expect(await refCountOf(a.hash)).toBe(1);
    },
  );

  it('to what is not stored are an outcome, and the others are kept', async () => {
    await commit({ newSegments: [a] });
    const added = await commit({ addReferences: of('h', b, a) });
    expect(added.addReferences).toEqual(counts(undefined, 1));
    const removed = await commit({ removeReferences: of('h', b, a) });
    expect(removed.removeReferences).toEqual(counts(undefined, 0));
  });

  it('revive garbage before it is collected', async () => {
    await commit({ newSegments: [a, b] });
    const page = await bench().backend.listGarbage({ limit: 10, garbageBeforeMs: Infinity });
    await commit({ addReferences: of('h', a) });
    const { collect } = await commit({
      collect: { keys: page.segments.map(({ key }) => key), garbageBeforeMs: Infinity },
    });
    expect(collect?.segments).toBe(1);
    expect(await refCountOf(a.hash)).toBe(1);
    expect(await refCountOf(b.hash)).toBeUndefined();
  });

  it('are counted for one segment by the thousand', async () => {
    const holders = Array.from({ length: 3_000 }, (_, index) => `holder ${(index * 7919) % 3_000}`);
    await commit({ newSegments: [a], addReferences: holders.flatMap((holder) => of(holder, a)) });
    expect(await refCountOf(a.hash)).toBe(3_000);
    expect(await bench().backend.check()).toEqual([]);
    const some = holders.slice(0, 2_999).flatMap((holder) => of(holder, a));
    const { removeReferences } = await commit({ removeReferences: some });
    expect(removeReferences?.at(-1)).toEqual({ refCount: 1 });
    expect(await garbage()).toEqual([]);
  });

  it.each(['/', '..', '\0', 'ÿ\u{fffe}é', '\u{10ffff}', 'x'.repeat(512), 'é'.repeat(256)])(
    'keep the holder %j apart from others',
    async (holder) => {
      const others = [holder.slice(0, -1) || 'y', `${holder.slice(0, 100)}!`];
      await commit({ newSegments: [a, b, c], addReferences: of(holder, a, b, c) });
      await bench().reopen();
      await commit({ removeReferences: others.flatMap((other) => of(other, a, b, c)) });
      expect(await garbage()).toEqual([]);
      await commit({ removeReferences: of(holder, a, b, c) });
      expect(await garbage()).toHaveLength(3);
    },
  );

  it('stay right through any sequence of batches', async () => {
    const segments = Array.from({ length: 40 }, (_, index) => longSegment(index + 1, 3));
    const holder = fc.oneof(
      fc.constantFrom('h', 'ha', 'é'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    );
    const reference = fc.tuple(holder, fc.nat({ max: segments.length - 1 }));
    const batch = fc.record({ add: fc.boolean(), references: fc.array(reference, { maxLength: 120 }) });
    const held = new Set<string>();
    await commit({ newSegments: segments });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 6 }), async (batches) => {
        for (const { add, references } of batches) {
          // Random removals rarely hit existing references: remove some of those each time.
          const known = [...held].slice(0, 20).map((fact) => JSON.parse(fact) as [string, number]);
          const facts = add ? references : [...references, ...known];
          const named = facts.map(([name, index]) => ({ hash: segments[index]!.hash, holder: name }));
          const expected = facts.map((fact) => {
            if (add) held.add(JSON.stringify(fact));
            else held.delete(JSON.stringify(fact));
            return { refCount: [...held].filter((each) => each.endsWith(`,${fact[1]}]`)).length };
          });
          const result = await commit(add ? { addReferences: named } : { removeReferences: named });
          expect(add ? result.addReferences : result.removeReferences).toEqual(expected);
        }
        expect(await bench().backend.check()).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('are listed, each once, by pages of any size', async () => {
    await commit(storing('c', [b]));
    const held = [...of('h', a, b, c), ...of('ü/\n', a), ...of('i', b)];
    await commit({ newSegments: [a, c], addReferences: held });
    await commit({ removeReferences: of('h', b) });
    for (const limit of [1, 2, 3, 100]) {
      const listed = [];
      let page: ReferencePage | undefined;
      do {
        page = await bench().backend.listReferences!({ limit, ...(page?.next && { after: page.next }) });
        listed.push(...page.references);
      } while (page.next !== undefined);
      const names = (all: readonly OutsideReference[]) => all.map(({ hash, holder }) => `${hash} ${holder}`);
      expect(names(listed).sort()).toEqual(names(held.filter((each) => each !== held[1])).sort());
    }
  });
});

describe.each(backendKinds)('deleting segments from the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const [a, b, c] = [segment(1), segment(2, 3), segment(4)];

  it('deletes garbage alone, and says what became of each', async () => {
    await commit(storing('x', [a]));
    await commit({ newSegments: [b], addReferences: [{ hash: c.hash, holder: 'h' }] });
    const { deleteSegments } = await commit({ deleteSegments: [a.hash, b.hash, c.hash, b.hash] });
    expect(deleteSegments).toEqual([
      { deleted: false, refCount: 1 },
      { deleted: true, refCount: 0 },
      undefined,
      undefined,
    ]);
    expect(await bench().backend.findSegments([b.hash])).toEqual([undefined]);
    expect(await bench().backend.stats()).toMatchObject({ segments: 1, garbageSegments: 0, garbageBytes: 0 });
  });

  it('leaves what an open snapshot may read', async () => {
    await commit(storing('x', [a]));
    const snapshot = await bench().backend.openConversation('x');
    await commit({ delete: { id: 'x', timeMs: 2_000 } });
    const kept = await commit({ deleteSegments: [a.hash] });
    expect(kept.deleteSegments).toEqual([{ deleted: false, refCount: 0 }]);
    snapshot!.release();
    const gone = await commit({ deleteSegments: [a.hash] });
    expect(gone.deleteSegments).toEqual([{ deleted: true, refCount: 0 }]);
  });

  it('leaves what becomes garbage with the same change', async () => {
    await commit({ newSegments: [a], addReferences: [{ hash: a.hash, holder: 'h' }] });
    const result = await commit({
      removeReferences: [{ hash: a.hash, holder: 'h' }],
      deleteSegments: [a.hash],
    });
    expect(result.deleteSegments).toEqual([{ deleted: false, refCount: 0 }]);
  });

  it('counts the age of garbage from when it was last brought', async () => {
    await commit({ newSegments: [a] });
    bench().nowMs = 5_000;
    await commit({ newSegments: [a] });
    const old = await bench().backend.listGarbage({ limit: 10, garbageBeforeMs: 4_999 });
    expect(old.segments).toEqual([]);
    expect(await bench().backend.stats()).toMatchObject({ segments: 1, garbageSegments: 1, garbageBytes: 2 });
  });
});
