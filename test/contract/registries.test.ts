import { beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec, frameRegistryId, trainHere } from '../../src/codec/index.js';
import type { TokenRun } from '../../src/model/index.js';
import type { FrameReplacement, NewSegment, SegmentKey } from '../../src/storage/index.js';
import { sampleSegments } from '../codec/samples.js';
import { backendKinds, core, isPersistent, segment, storing, useBench, type Bench } from './support.js';

const runs = sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens));
/** Long enough for every registry to beat varints. */
const segments = sampleSegments(300, 1)
  .filter(({ length }) => length >= 30)
  .slice(0, 40)
  .map((tokens) => segment(...tokens));
const [first, second, sixth] = [1, 2, 6].map((id) => trainHere(core.module, runs, { id }));

describe.each(backendKinds)('registries in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const put = (bytes: Uint8Array | undefined, timeMs = 1_000) =>
    commit({ putRegistry: { bytes: bytes!, timeMs } });

  async function keysOf(of: readonly NewSegment[]): Promise<SegmentKey[]> {
    const stored = await bench().backend.findSegments(of.map(({ hash }) => hash));
    return stored.map((each) => each!.key);
  }

  function runOf({ frame }: NewSegment): TokenRun {
    return bench().codec.decode(frame);
  }

  /** Returns the same segment in a frame coded with the newest registry. */
  function coded(plain: NewSegment): NewSegment {
    const frame = bench().codec.encode(runOf(plain));
    expect(frameRegistryId(frame)).toBe(bench().codec.registries.at(-1)!.id);
    return { ...plain, frame };
  }

  /** Replaces the frames of all of these by frames of the newest registry. */
  async function rewrite(of: readonly NewSegment[]): Promise<FrameReplacement[]> {
    const keys = await keysOf(of);
    const frames = await bench().backend.readFrames(keys);
    return of.map((each, at) => ({
      key: keys[at]!,
      expected: frames[at]!,
      frame: bench().codec.encode(runOf(each)),
    }));
  }

  const bytesIn = (of: readonly NewSegment[]) => of.reduce((sum, { frame }) => sum + frame.length, 0);
  const tokensIn = (of: readonly NewSegment[]) => of.reduce((sum, { tokenCount }) => sum + tokenCount, 0);

  it('are kept as they are, with what their frames come to', async () => {
    expect(await bench().backend.listRegistries()).toEqual([]);
    await put(second, 5_000);
    const entry = { id: 2, bytes: second!.length, createTimeMs: 5_000 };
    expect(await bench().backend.listRegistries()).toEqual([
      { ...entry, segments: 0, tokens: 0, frameBytes: 0 },
    ]);
    expect(Buffer.compare((await bench().backend.readRegistry(2))!, second!)).toBe(0);
    expect(await bench().backend.readRegistry(1)).toBeUndefined();
    expect(await bench().backend.stats()).toMatchObject({ registryBytes: second!.length });

    const some = segments.slice(0, 10).map(coded);
    await commit(storing('c', [...some, segments[10]!]));
    const used = { segments: 10, tokens: tokensIn(some), frameBytes: bytesIn(some) };
    expect(await bench().backend.listRegistries()).toEqual([{ ...entry, ...used }]);
    await commit({ delete: { id: 'c', timeMs: 1_000 } });
    await commit({ deleteSegments: some.slice(0, 9).map(({ hash }) => hash) });
    const left = { segments: 1, tokens: some[9]!.tokenCount, frameBytes: some[9]!.frame.length };
    expect(await bench().backend.listRegistries()).toEqual([{ ...entry, ...left }]);
  });

  it('and the frames that they code are there when the store is opened again', async () => {
    await put(first);
    const some = segments.map(coded);
    await commit(storing('c', some));
    await put(sixth, 2_000);
    const listed = await bench().backend.listRegistries();
    await bench().reopen();
    expect(await bench().backend.listRegistries()).toEqual(listed);
    expect(listed.map(({ id }) => id)).toEqual([1, 6]);
    expect(bench().codec.registries.map(({ id }) => id)).toEqual([1, 6]);
    const frames = await bench().backend.readFrames(await keysOf(some));
    expect(frames.map((frame) => frameRegistryId(frame))).toEqual(some.map(() => 1));
    expect(frames.map((frame) => bench().codec.hashOf(frame))).toEqual(some.map(({ hash }) => hash));
    expect(Buffer.compare((await bench().backend.readRegistry(6))!, sixth!)).toBe(0);
  });

  it('have ids that rise', async () => {
    await put(second);
    for (const bytes of [first, second]) {
      await expect(put(bytes)).rejects.toMatchObject({ reason: 'REGISTRY_CONFLICT' });
    }
    await put(sixth);
    expect((await bench().backend.listRegistries()).map(({ id }) => id)).toEqual([2, 6]);
  });

  it('must be stored before frames name them', async () => {
    const elsewhere = createLiveCodec(core);
    elsewhere.add(first!);
    const known = { ...segments[0]!, frame: elsewhere.encode(runOf(segments[0]!)) };
    expect(frameRegistryId(known.frame)).toBe(1);
    const change = storing('c', [segments[1]!, known]);
    await expect(commit(change)).rejects.toMatchObject({
      reason: 'REGISTRY_CONFLICT',
      metadata: { registry: '1' },
    });
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 0,
      segments: 0,
      garbageSegments: 0,
    });
    const together = { ...change, putRegistry: { bytes: first!, timeMs: 1_000 } };
    await expect(commit(together)).rejects.toMatchObject({ reason: 'REGISTRY_CONFLICT' });
    expect(await bench().backend.listRegistries()).toEqual([]);
    await put(first);
    await commit(change);
    expect(await bench().backend.getConversation('c')).toMatchObject({ messageCount: 2 });
  });

  it('are missing first where a frame is replaced, then where a segment is brought', async () => {
    const [one, six] = [first, sixth].map((bytes) => {
      const elsewhere = createLiveCodec(core);
      elsewhere.add(bytes!);
      return elsewhere;
    });
    await commit(storing('c', [segments[0]!]));
    const [key] = await keysOf(segments.slice(0, 1));
    const [expected] = await bench().backend.readFrames([key!]);
    const brought = { ...segments[1]!, frame: one!.encode(runOf(segments[1]!)) };
    const replaced = { key: key!, expected: expected!, frame: six!.encode(runOf(segments[0]!)) };
    const change = { ...storing('d', [brought]), replaceFrames: [replaced] };
    await expect(commit(change)).rejects.toMatchObject({ metadata: { registry: '6' } });
    await expect(commit({ ...change, replaceFrames: [] })).rejects.toMatchObject({
      metadata: { registry: '1' },
    });
  });

  it('must be stored also for a frame that is not needed', async () => {
    const [stored, ...others] = segments;
    await commit(storing('c', [stored!]));
    const six = createLiveCodec(core);
    six.add(sixth!);
    const brought = { ...stored!, frame: six.encode(runOf(stored!)) };
    await expect(commit(storing('d', [brought, others[0]!]))).rejects.toMatchObject({
      reason: 'REGISTRY_CONFLICT',
      metadata: { registry: '6' },
    });
    expect(await bench().backend.getConversation('d')).toBeUndefined();
  });

  it('are in use as before when the change that was to drop them had been made earlier', async () => {
    await commit(storing('c', segments.slice(0, 1)));
    await put(first);
    const request = { id: 'r', digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 };
    await commit({ ...storing('e', segments.slice(0, 1)), request });
    expect(await commit({ request, dropRegistries: [1] })).toMatchObject({ replayed: true });
    await commit(storing('d', [coded(segments[1]!)]));
  });

  it('go with the change that brought them', async () => {
    const change = { putRegistry: { bytes: first!, timeMs: 1_000 }, dropRegistries: [1] };
    expect(await commit(change)).toMatchObject({ dropRegistries: [1] });
    expect(await bench().backend.listRegistries()).toEqual([]);
  });

  it('go when no frame names them, and not before', async () => {
    await commit(storing('c', segments));
    await put(first);
    const toFirst = await rewrite(segments);
    const replaced = await commit({ replaceFrames: toFirst, dropRegistries: [1, 4] });
    expect(replaced.replaceFrames).toEqual(segments.map(() => true));
    expect(replaced.dropRegistries).toEqual([]);
    await put(second);
    const toSecond = await rewrite(segments);
    await commit({ replaceFrames: toSecond.slice(1) });
    expect((await commit({ dropRegistries: [1] })).dropRegistries).toEqual([]);
    const [keptRegistry] = await bench().backend.listRegistries();
    expect(keptRegistry).toMatchObject({ id: 1, segments: 1, frameBytes: toFirst[0]!.frame.length });

    const last = await commit({ replaceFrames: toSecond.slice(0, 1), dropRegistries: [2, 1, 1] });
    expect(last).toMatchObject({ replaceFrames: [true], dropRegistries: [1] });
    await bench().reopen();
    expect(bench().codec.registries.map(({ id }) => id)).toEqual([2]);
    expect(await bench().backend.readRegistry(1)).toBeUndefined();
    const frameBytes = toSecond.reduce((sum, { frame }) => sum + frame.length, 0);
    expect(await bench().backend.listRegistries()).toEqual([
      {
        id: 2,
        bytes: second!.length,
        createTimeMs: 1_000,
        segments: segments.length,
        tokens: tokensIn(segments),
        frameBytes,
      },
    ]);
    expect(await bench().backend.stats()).toMatchObject({
      segmentBytes: frameBytes,
      registryBytes: second!.length,
    });
    const frames = await bench().backend.readFrames(await keysOf(segments));
    expect(frames.map((frame) => bench().codec.hashOf(frame))).toEqual(segments.map(({ hash }) => hash));
  });

  it('come and go while frames are read', async () => {
    await commit(storing('c', segments));
    const keys = await keysOf(segments);
    let rewriting = true;
    const reading = (async () => {
      while (rewriting) {
        const frames = await bench().backend.readFrames(keys);
        expect(frames.map((frame) => bench().codec.hashOf(frame))).toEqual(segments.map(({ hash }) => hash));
        await new Promise(setImmediate);
      }
    })();
    for (const [at, bytes] of [first, second, sixth].entries()) {
      await put(bytes);
      await commit({ replaceFrames: await rewrite(segments), dropRegistries: [at] });
    }
    rewriting = false;
    await reading;
    expect((await bench().backend.listRegistries()).map(({ id }) => id)).toEqual([6]);
  });
});

describe.each(backendKinds)('registries of the %s backend that are dropped', (kind) => {
  /** More than are read without a pause, and enough for a check to give others a turn. */
  const many = sampleSegments(1_200, 3)
    .filter(({ length }) => length >= 20)
    .map((tokens) => segment(...tokens));
  const bench = useBench(kind, { sync: false });
  beforeEach(async () => void (await bench().backend.commit({ newSegments: many })));

  async function rewriteAll(drop: readonly number[]): Promise<void> {
    const { segments: scanned } = await bench().backend.scanSegments({ limit: 10_000, bytesMax: Infinity });
    const replaceFrames = scanned.map(({ key, frame }) => ({
      key,
      expected: frame,
      frame: bench().codec.encode(bench().codec.decode(frame)),
    }));
    await bench().backend.commit({ replaceFrames, dropRegistries: drop });
  }
  const put = (bytes: Uint8Array | undefined) =>
    bench().backend.commit({ putRegistry: { bytes: bytes!, timeMs: 1_000 } });

  it('leave a check of an earlier state as it is', async () => {
    await put(first);
    await rewriteAll([]);
    await put(second);
    const checking = bench().backend.check();
    await rewriteAll([1]);
    expect(await checking).toEqual([]);
    expect(await bench().backend.check()).toEqual([]);
    expect(bench().codec.registries.map(({ id }) => id)).toEqual([2]);
  });

  // A commit in memory takes no time, and would occur between an answer and its receiver.
  if (isPersistent(kind)) {
    it('leave no frame of theirs among those that are read meanwhile', async () => {
      await put(first);
      await rewriteAll([]);
      await put(second);
      const { segments: scanned } = await bench().backend.scanSegments({ limit: 10_000, bytesMax: Infinity });
      const keys = scanned.map(({ key }) => key);
      const hashes = await bench().backend.readHashes(keys);
      let rewritten = false;
      const reading = Array.from({ length: 8 }, async () => {
        while (!rewritten) {
          const frames = await bench().backend.readFrames(keys);
          expect(frames.map((frame) => bench().codec.hashOf(frame))).toEqual(hashes);
          await new Promise(setImmediate);
        }
      });
      const rewriting = rewriteAll([1]).finally(() => (rewritten = true));
      await Promise.all([rewriting, ...reading]);
    });
  }

  it('may be followed by one of the same id in the same moment', async () => {
    await put(first);
    const dropped = bench().backend.commit({ dropRegistries: [1] });
    await Promise.all([dropped, put(first)]);
    expect((await bench().backend.listRegistries()).map(({ id }) => id)).toEqual([1]);
    expect(bench().codec.registries.map(({ id }) => id)).toEqual([1]);
    await rewriteAll([]);
    expect(await bench().backend.check()).toEqual([]);
  });
});
