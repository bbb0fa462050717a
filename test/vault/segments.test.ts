import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StowkenError, type SegmentHash } from '../../src/model/index.js';
import { collectAll, openTestVault, say, signal, spec, wordsOf, type TestVault } from '../support/vault.js';

let t: TestVault;
beforeEach(async () => (t = await openTestVault()));
afterEach(() => t.close());

const contentsOf = (...segments: number[][]) =>
  segments.map((tokens) => ({ kind: 'le32' as const, bytes: wordsOf(tokens) }));
const nameOf = (...tokens: number[]) => t.core.hashLe32(wordsOf(tokens));
const put = (holder: string | undefined, ...segments: number[][]) =>
  t.vault.putSegments({ contents: contentsOf(...segments), holder }, signal);
const get = (...hashes: SegmentHash[]) =>
  collectAll(t.vault.getSegments({ hashes, encoding: 'le32' }, signal));
const collect = () => collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));

describe('segments', () => {
  it('are those of conversations as well', async () => {
    await t.vault.store({ spec: spec('c'), messages: [say('user', [1, 2])] }, signal);
    expect(await t.vault.hasSegments([nameOf(1, 2)])).toEqual([
      { kind: 'stored', tokenCount: 2, refCount: 1 },
    ]);
    await put('h', [1, 2]);
    await t.vault.delete('c', { allowMissing: false });
    await collect();
    expect(await get(nameOf(1, 2))).toMatchObject([{ kind: 'chunk', content: { bytes: wordsOf([1, 2]) } }]);
  });

  it('are kept with their holder, also when they are collected while they are put', async () => {
    await put(undefined, [1]);
    const findSegments = t.backend.findSegments.bind(t.backend);
    t.backend.findSegments = async (hashes) => {
      const found = await findSegments(hashes);
      t.backend.findSegments = findSegments;
      await collect();
      return found;
    };
    expect(await put('h', [1], [2])).toMatchObject([{ kind: 'stored' }, { kind: 'stored' }]);
    expect(await t.vault.hasSegments([nameOf(1), nameOf(2)])).toMatchObject([
      { refCount: 1 },
      { refCount: 1 },
    ]);
  });

  it('that were put just now are not collected as old garbage', async () => {
    await put(undefined, [1]);
    t.clock.nowMs += 1_000;
    await put(undefined, [1]);
    const kept = await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 500 }, signal));
    expect(kept.at(-1)).toMatchObject({ segments: 0 });
  });

  it('are not put when the call is cancelled', async () => {
    const input = { contents: contentsOf([1]), holder: undefined };
    await expect(t.vault.putSegments(input, AbortSignal.abort())).rejects.toMatchObject({
      reason: 'CANCELLED',
    });
    expect(await t.vault.stats()).toMatchObject({ segments: 0 });
  });

  it('may go while they are asked for', async () => {
    await put(undefined, [1], [2]);
    await put('h', [3]);
    const readFrames = t.backend.readFrames.bind(t.backend);
    t.backend.readFrames = async (keys) => {
      t.backend.readFrames = readFrames;
      await collect();
      return readFrames(keys);
    };
    expect(await get(nameOf(1), nameOf(3), nameOf(2))).toMatchObject([
      {
        kind: 'failed',
        index: 0,
        error: { reason: 'SEGMENT_NOT_FOUND', metadata: { resource_name: nameOf(1) } },
      },
      { kind: 'chunk', index: 1 },
      { kind: 'failed', index: 2, error: { reason: 'SEGMENT_NOT_FOUND' } },
    ]);
  });

  it('that are damaged are told one by one, and never given as something else', async () => {
    await put('h', [1], [2], [3]);
    const foreign = t.codec.encode(t.core.fromTokens(Uint32Array.of(9)));
    const frames: Record<string, Uint8Array> = { [nameOf(1)]: foreign, [nameOf(2)]: new Uint8Array(0) };
    const readFrames = t.backend.readFrames.bind(t.backend);
    t.backend.readFrames = async (keys) => {
      const hashes = await t.backend.readHashes(keys);
      const whole = await readFrames(keys);
      return whole.map((frame, index) => frames[hashes[index]!] ?? frame);
    };
    expect(await get(nameOf(1), nameOf(2), nameOf(3))).toMatchObject([
      { kind: 'failed', error: { reason: 'CORRUPT_SEGMENT', metadata: { hash: nameOf(1) } } },
      { kind: 'failed', error: { reason: 'CORRUPT_SEGMENT' } },
      { kind: 'chunk', content: { bytes: wordsOf([3]) } },
    ]);
  });

  it('that cannot be looked for do not keep others from it', async () => {
    await put(undefined, [1], [2]);
    const damage = new StowkenError('CORRUPT_SEGMENT', 'the frame does not decode');
    const findSegments = t.backend.findSegments.bind(t.backend);
    const readHashes = t.backend.readHashes.bind(t.backend);
    t.backend.findSegments = async (hashes) => {
      if (hashes.includes(nameOf(1))) throw damage;
      return findSegments(hashes);
    };
    const failed = { kind: 'failed', error: damage };
    expect(await t.vault.hasSegments([nameOf(1), nameOf(2)])).toMatchObject([failed, { kind: 'stored' }]);
    expect(await get(nameOf(1), nameOf(2))).toMatchObject([failed, { kind: 'chunk' }]);

    t.backend.readHashes = async (keys) => {
      const hashes = await readHashes(keys);
      if (hashes.includes(nameOf(1))) throw damage;
      return hashes;
    };
    // Without the damaged one, the page would report less garbage than there is.
    expect(await t.vault.listGarbage({ limit: 10 })).toMatchObject({
      segments: [{ hash: nameOf(2) }],
      damaged: [{ error: damage }],
    });
  });

  it('are not deleted while a stream may read them', async () => {
    await t.vault.store({ spec: spec('c'), messages: [say('user', [1])] }, signal);
    const stream = t.vault.retrieve({ id: 'c', encoding: 'le32' }, signal);
    await stream.next();
    await t.vault.delete('c', { allowMissing: false });
    await expect(t.vault.deleteSegment(nameOf(1))).rejects.toMatchObject({
      reason: 'SEGMENT_REFERENCED',
      metadata: { ref_count: '0' },
    });
    expect(await collectAll(stream)).toHaveLength(1);
    await t.vault.deleteSegment(nameOf(1));
    await expect(t.vault.deleteSegment(nameOf(1))).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
  });
});
