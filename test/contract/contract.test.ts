import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SegmentKey } from '../../src/storage/index.js';
import {
  backendKinds,
  longSegment,
  message,
  openBench,
  segment,
  spec,
  storing,
  type Bench,
} from './support.js';

describe.each(backendKinds)('the %s backend', (kind) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(kind);
  });
  afterEach(async () => {
    const violations = await bench.backend.check();
    await bench.dispose();
    expect(violations).toEqual([]);
  });
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench.backend.commit(...args);

  /** A conversation as hashes and frames, read through a snapshot. */
  async function read(id: string) {
    const snapshot = await bench.backend.openConversation(id);
    if (!snapshot) return undefined;
    const messages = [];
    for (const { segments, ...rest } of snapshot.messages()) {
      const keys = segments.map(({ key }) => key);
      const hashes = await bench.backend.readHashes(keys);
      const frames = await bench.backend.readFrames(keys);
      expect(frames.map((frame) => bench.codec.hashOf(frame))).toEqual(hashes);
      messages.push({ ...rest, hashes });
    }
    snapshot.release();
    return { conversation: snapshot.conversation, messages };
  }

  async function garbageKeys(garbageBeforeMs = Infinity): Promise<SegmentKey[]> {
    const page = await bench.backend.listGarbage({ limit: 1000, garbageBeforeMs });
    return page.segments.map(({ key }) => key);
  }

  it('gives back what was stored, also when it is opened again', async () => {
    const a = segment(1, 2, 3);
    const b = segment(0xffffffff);
    const fields = {
      application: 'app',
      model: 'gpt-4o',
      tokenizer: 'o200k_base',
      parentId: 'parent',
      expireTimeMs: -5,
      metadata: { z: '1', a: 'ü', '': '', __proto__x: 'y' },
    };
    const messages = [
      { ...message('system', a), name: 'nick', toolCallId: 'call_1' },
      message('user'),
      message('', b, a, b),
    ];
    const { put } = await commit({
      newSegments: [a, b],
      put: { spec: spec('c', fields), messages, expect: { kind: 'absentOrSame' }, timeMs: 5_000 },
    });
    expect(put).toMatchObject({ unchanged: false, segments: 2, newSegments: 2, newTokens: 4 });
    expect(put?.newFrameBytes).toBe(a.frame.length + b.frame.length);
    await bench.reopen();
    const found = await read('c');
    expect(found?.conversation).toEqual({
      ...spec('c', fields),
      revision: 1,
      totalTokens: 8,
      messageCount: 3,
      createTimeMs: 5_000,
      updateTimeMs: 5_000,
    });
    expect(found?.messages).toEqual([
      { role: 'system', name: 'nick', toolCallId: 'call_1', tokenCount: 3, hashes: [a.hash] },
      { role: 'user', name: '', toolCallId: '', tokenCount: 0, hashes: [] },
      { role: '', name: '', toolCallId: '', tokenCount: 5, hashes: [b.hash, a.hash, b.hash] },
    ]);
    expect(await bench.backend.getConversation('c')).toEqual(found?.conversation);
  });

  it('stores a sequence once, and keeps the first frame', async () => {
    const a = segment(1, 2, 3);
    await commit(storing('one', [a]));
    const { put } = await commit(storing('two', [a, a]));
    expect(put).toMatchObject({ segments: 1, newSegments: 0, newTokens: 0, newFrameBytes: 0 });
    expect(await bench.backend.stats()).toMatchObject({
      conversations: 2,
      messages: 3,
      segments: 1,
      tokens: 9,
      uniqueTokens: 3,
      segmentBytes: a.frame.length,
      garbageSegments: 0,
    });
  });

  it.each([0, 1, 63, 64, 500, 1006, 1007, 1015, 1016, 2030, 2040, 2050, 3000, 5000, 20_000, 70_000])(
    'keeps a segment of %i tokens, among small ones',
    async (count) => {
      const segments = [segment(1), longSegment(count, 1), segment(2), longSegment(count + 1, 2), segment(3)];
      await commit(storing('c', segments));
      const found = await read('c');
      expect(found?.messages.map(({ hashes }) => hashes[0])).toEqual(segments.map(({ hash }) => hash));
      await commit({ delete: { id: 'c', timeMs: 2_000 } });
      const keys = await garbageKeys();
      expect(keys).toHaveLength(new Set(segments.map(({ hash }) => hash)).size);
      await commit({ collect: { keys: keys.slice(1, 2), garbageBeforeMs: Infinity } });
      expect(await bench.backend.check()).toEqual([]);
      await commit({ collect: { keys, garbageBeforeMs: Infinity } });
      expect(await bench.backend.stats()).toMatchObject({ segments: 0, segmentBytes: 0, garbageBytes: 0 });
    },
  );

  it('answers a second store of the same content with "unchanged", and refuses other content', async () => {
    const a = segment(1);
    const first = await commit(storing('c', [a]));
    const again = await commit(storing('c', [a], 9_000));
    expect(again.put).toEqual({
      ...first.put,
      unchanged: true,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    });
    await expect(commit(storing('c', [a, segment(2)]))).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
      metadata: { id: 'c', revision: '1' },
    });
    const other = storing('c', [a]);
    for (const fields of [{ model: 'm' }, { metadata: { a: '1' } }, { parentId: 'p' }, { expireTimeMs: 0 }]) {
      const put = { ...other.put!, spec: spec('c', fields) };
      await expect(commit({ newSegments: [a], put })).rejects.toMatchObject({
        reason: 'CONVERSATION_EXISTS',
      });
    }
    expect((await bench.backend.stats()).segments).toBe(1);
  });

  it('replaces a revision, and counts references as facts', async () => {
    const [a, b, c] = [segment(1), segment(2), segment(3)];
    await commit(storing('x', [a, b]));
    await commit(storing('y', [b]));
    const replace = (revision: number) => ({
      newSegments: [c],
      put: {
        spec: spec('x'),
        messages: [message('user', b, c)],
        expect: { kind: 'revision' as const, revision },
        timeMs: 3_000,
      },
    });
    await expect(commit(replace(2))).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
      metadata: { id: 'x', revision: '1' },
    });
    await expect(commit(replace(0))).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
    const { put } = await commit(replace(1));
    expect(put?.conversation).toMatchObject({ revision: 2, createTimeMs: 1_000, updateTimeMs: 3_000 });
    expect(put).toMatchObject({ segments: 2, newSegments: 1 });
    expect(await garbageKeys()).toHaveLength(1);
    const [stored] = await bench.backend.findSegments([a.hash]);
    expect(await garbageKeys()).toEqual([stored?.key]);
  });

  it('creates with revision 0 only where there is none', async () => {
    const put = { ...storing('c', []).put!, expect: { kind: 'revision' as const, revision: 0 } };
    await commit({ put });
    await expect(commit({ put })).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
  });

  it('refuses a manifest whose segments are not there, and writes nothing of it', async () => {
    const [a, b] = [segment(1), segment(2)];
    const put = { ...storing('c', [a, b]).put! };
    await expect(commit({ newSegments: [a], put })).rejects.toMatchObject({
      reason: 'SEGMENT_MISSING',
      metadata: { hashes: b.hash },
    });
    expect(await bench.backend.getConversation('c')).toBeUndefined();
    expect((await bench.backend.stats()).segments).toBe(0);
  });

  it('deletes, leaves garbage, revives it, and collects the rest', async () => {
    const [a, b] = [segment(1), segment(2)];
    await commit(storing('x', [a, b]));
    await expect(commit({ delete: { id: 'none', timeMs: 0 } })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
    await expect(commit({ delete: { id: 'x', revision: 2, timeMs: 0 } })).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    bench.nowMs = 5_000;
    const { delete: deleted } = await commit({ delete: { id: 'x', revision: 1, timeMs: 5_000 } });
    expect(deleted).toEqual({ releasedReferences: 2, garbageSegments: 2 });
    expect(await bench.backend.getConversation('x')).toBeUndefined();
    expect(await garbageKeys(4_999)).toEqual([]);
    const keys = await garbageKeys(5_000);
    expect(keys).toHaveLength(2);

    await commit(storing('y', [a]));
    const tooEarly = await commit({ collect: { keys, garbageBeforeMs: 4_999 } });
    expect(tooEarly.collect).toEqual({ segments: 0, frameBytes: 0 });
    const { collect } = await commit({ collect: { keys, garbageBeforeMs: 5_000 } });
    expect(collect).toEqual({ segments: 1, frameBytes: b.frame.length });
    expect(await bench.backend.findSegments([b.hash])).toEqual([undefined]);
    expect((await read('y'))?.messages[0]?.hashes).toEqual([a.hash]);
    await expect(bench.backend.readFrames([keys[1]!])).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
    await expect(bench.backend.readHashes([keys[1]!])).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
  });

  it('never gives a key to another segment', async () => {
    const a = segment(1);
    await commit({ newSegments: [a] });
    const [first] = await bench.backend.findSegments([a.hash]);
    await commit({ collect: { keys: [first!.key], garbageBeforeMs: Infinity } });
    await commit({ newSegments: [a] });
    const [second] = await bench.backend.findSegments([a.hash]);
    expect(second?.key).not.toBe(first?.key);
  });

  it('makes garbage of segments that nothing names', async () => {
    const a = segment(1);
    await commit({ newSegments: [a] });
    expect(await bench.backend.stats()).toMatchObject({ segments: 1, garbageSegments: 1, garbageBytes: 2 });
    await commit(storing('c', [a]));
    expect(await bench.backend.stats()).toMatchObject({ segments: 1, garbageSegments: 0, garbageBytes: 0 });
  });

  it('keeps what an open snapshot may read, and collects it after', async () => {
    const a = segment(1, 2, 3);
    await commit(storing('c', [a]));
    const snapshot = await bench.backend.openConversation('c');
    await commit({ delete: { id: 'c', timeMs: 2_000 } });
    const keys = await garbageKeys();
    const kept = await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(kept.collect?.segments).toBe(0);
    const [only] = [...snapshot!.messages()];
    const [frame] = await bench.backend.readFrames([only!.segments[0]!.key]);
    expect(bench.codec.hashOf(frame!)).toBe(a.hash);
    snapshot!.release();
    snapshot!.release();
    const { collect } = await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect?.segments).toBe(1);
  });

  it('counts hundreds of references to one segment', async () => {
    const a = segment(7);
    for (let index = 0; index < 300; index++) await commit(storing(`c${index}`, [a]));
    expect(await bench.backend.check()).toEqual([]);
    for (let index = 0; index < 299; index++) await commit({ delete: { id: `c${index}`, timeMs: 1_000 } });
    expect(await garbageKeys()).toEqual([]);
    await commit({ delete: { id: 'c299', timeMs: 1_000 } });
    expect(await garbageKeys()).toHaveLength(1);
  });

  it('takes changes that arrive together, each after those before it', async () => {
    const a = segment(1);
    const changes = [
      storing('c', [a]),
      storing('c', [a]),
      storing('c', [segment(2)]),
      storing('d', [a, segment(3)]),
      { delete: { id: 'c', timeMs: 1_000 } },
      { delete: { id: 'c', timeMs: 1_000 } },
    ];
    const settled = await Promise.allSettled(changes.map((change) => commit(change)));
    expect(
      settled.map((each) =>
        each.status === 'fulfilled' ? 'done' : (each.reason as { reason: string }).reason,
      ),
    ).toEqual(['done', 'done', 'CONVERSATION_EXISTS', 'done', 'done', 'CONVERSATION_NOT_FOUND']);
    expect(await bench.backend.stats()).toMatchObject({ conversations: 1, segments: 2, garbageSegments: 0 });
  });

  it.each(['../../x', '/abs', 'a/b', 'ü', '\0', 'x.json', '.', 'é'.repeat(256), 'a'.repeat(512)])(
    'keeps the id %j as it is',
    async (id) => {
      await commit(storing(id, [segment(1)]));
      await commit(storing(`${id.slice(0, 100)}~`, [segment(1)]));
      await bench.reopen();
      expect((await read(id))?.conversation.id).toBe(id);
      const { conversations } = await bench.backend.listConversations({
        filter: { idPrefix: id },
        order: 'newestFirst',
        limit: 10,
        scanLimit: 100,
      });
      expect(conversations.map((each) => each.id)).toContain(id);
    },
  );

  it('lets create times never go back', async () => {
    await commit(storing('a', [], 5_000));
    const { put } = await commit(storing('b', [], 4_000));
    expect(put?.conversation).toMatchObject({ createTimeMs: 5_000, updateTimeMs: 5_000 });
  });

  describe('listing', () => {
    const filled = async () => {
      for (let index = 1; index <= 9; index++) {
        await commit({
          newSegments: [longSegment(index, 1)],
          put: {
            spec: spec(`c${index}`, {
              model: index % 2 ? 'odd' : 'even',
              metadata: { third: String(index % 3) },
            }),
            messages: [message('user', longSegment(index, 1))],
            expect: { kind: 'absentOrSame' },
            timeMs: index * 1_000,
          },
        });
      }
    };
    const list = async (query: Partial<Parameters<Bench['backend']['listConversations']>[0]>) => {
      const page = await bench.backend.listConversations({
        filter: {},
        order: 'newestFirst',
        limit: 100,
        scanLimit: 100,
        ...query,
      });
      return { ids: page.conversations.map(({ id }) => id).join(' '), next: page.next };
    };

    it('gives pages in both orders', async () => {
      await filled();
      const first = await list({ limit: 4 });
      expect(first.ids).toBe('c9 c8 c7 c6');
      const second = await list({ limit: 4, after: first.next! });
      expect(second.ids).toBe('c5 c4 c3 c2');
      expect(await list({ limit: 4, after: second.next! })).toEqual({ ids: 'c1', next: undefined });
      expect(await list({ limit: 9 })).toMatchObject({ next: undefined });
      const oldest = await list({ limit: 5, order: 'oldestFirst' });
      expect(oldest.ids).toBe('c1 c2 c3 c4 c5');
      expect((await list({ limit: 5, order: 'oldestFirst', after: oldest.next! })).ids).toBe('c6 c7 c8 c9');
    });

    it('repeats and skips nothing while conversations come and go', async () => {
      await filled();
      const { next } = await list({ limit: 4 });
      await commit(storing('new', []));
      await commit({ delete: { id: 'c6', timeMs: 9_000 } });
      await commit({ delete: { id: 'c5', timeMs: 9_000 } });
      expect((await list({ after: next! })).ids).toBe('c4 c3 c2 c1');
    });

    it('filters, and stops where it has looked at enough', async () => {
      await filled();
      expect((await list({ filter: { model: 'even', metadata: { third: '1' } } })).ids).toBe('c4');
      expect((await list({ filter: { tokensMin: 3, tokensMax: 5 } })).ids).toBe('c5 c4 c3');
      expect((await list({ filter: { idPrefix: 'c2' } })).ids).toBe('c2');
      expect((await list({ filter: { application: 'none' } })).ids).toBe('');
      const looked = await list({ filter: { idPrefix: 'c2' }, scanLimit: 3 });
      expect(looked.ids).toBe('');
      expect(looked.next).toBeDefined();
    });

    it('finds a range of create times', async () => {
      await filled();
      const range = { createTimeFromMs: 3_000, createTimeBeforeMs: 6_000 };
      expect(await list({ filter: range })).toEqual({ ids: 'c5 c4 c3', next: undefined });
      expect(await list({ filter: range, order: 'oldestFirst' })).toEqual({
        ids: 'c3 c4 c5',
        next: undefined,
      });
      expect((await list({ filter: { createTimeFromMs: 100_000 } })).ids).toBe('');
      expect((await list({ filter: { createTimeBeforeMs: 0 } })).ids).toBe('');
    });
  });

  it('replaces a frame by another of the same tokens, where it is the expected one', async () => {
    // Frames of another codec's making: the same tokens, other bytes, other lengths.
    const sizes = [10, 1000, 30, 2050, 700, 4100, 20, 660, 9000, 15];
    const segments = sizes.map((size, index) => longSegment(size, index));
    await commit(storing('c', segments));
    const stored = await bench.backend.findSegments(segments.map(({ hash }) => hash));
    const keys = stored.map((each) => each!.key);
    for (const [index, { frame }] of segments.entries()) {
      const other = segments[(index + 1) % segments.length]!.frame;
      const change = { key: keys[index]!, expected: frame, frame };
      await expect(commit({ replaceFrames: [{ ...change, frame: other }] })).rejects.toMatchObject({
        reason: 'CORRUPT_SEGMENT',
      });
      const stale = await commit({ replaceFrames: [{ ...change, expected: other }, change] });
      expect(stale.replaceFrames).toEqual([false, true]);
      expect(await bench.backend.check()).toEqual([]);
    }
    expect((await read('c'))?.messages.map(({ hashes }) => hashes[0])).toEqual(
      segments.map(({ hash }) => hash),
    );
  });

  it('pages through garbage', async () => {
    const segments = [1, 2, 3, 4, 5].map((token) => segment(token));
    await commit({ newSegments: segments });
    const first = await bench.backend.listGarbage({ limit: 3, garbageBeforeMs: 1_000 });
    expect(first.segments.map(({ tokenCount, frameBytes }) => [tokenCount, frameBytes])).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    const second = await bench.backend.listGarbage({ limit: 3, garbageBeforeMs: 1_000, after: first.next! });
    expect(second.segments).toHaveLength(2);
    expect(second.next).toBeUndefined();
  });

  it('refuses work once it is closed', async () => {
    const before = await bench.backend.check();
    expect(before).toEqual([]);
    await bench.backend.close();
    await expect(commit(storing('c', []))).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
    bench.backend = (await openBench('memory')).backend;
  });
});
