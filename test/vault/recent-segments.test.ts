import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { SegmentKey } from '../../src/storage/index.js';
import { RecentSegments } from '../../src/vault/recent-segments.js';
import type { RetrievePart } from '../../src/vault/index.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

const key = (n: number) => n as SegmentKey;
const tokens = (n: number, length = 16 * 1024) => new Uint8Array(length).fill(n);
/** So many of them fill half of what may be kept. */
const half = limits.recentSegmentsBytesMax / 2 / (16 * 1024);

describe('segments that were read lately', () => {
  it('are there, each in the form in which it was read', () => {
    const recent = new RecentSegments();
    recent.add(key(1), 'varints', tokens(1));
    expect(recent.get(key(1), 'varints')).toEqual(tokens(1));
    expect(recent.get(key(1), 'words')).toBeUndefined();
    expect(recent.get(key(2), 'varints')).toBeUndefined();
  });

  it('go when others come, but for those that are asked for', () => {
    const recent = new RecentSegments();
    for (let n = 0; n < 3 * half; n++) {
      recent.add(key(n), 'varints', tokens(n % 256));
      expect(recent.get(key(0), 'varints')?.[0]).toBe(0);
    }
    const kept = Array.from({ length: 3 * half }, (_, n) => n).filter((n) => recent.get(key(n), 'varints'));
    expect(kept[0]).toBe(0);
    expect(kept.length).toBeGreaterThan(half / 2);
    expect(kept.length).toBeLessThanOrEqual(2 * half);
  });

  it('do not keep alive what was decoded with them, once they outlive it', () => {
    const recent = new RecentSegments();
    const shared = tokens(7, 256 * 1024);
    recent.add(key(0), 'varints', shared.subarray(0, 100));
    for (let n = 1; n <= half; n++) recent.add(key(n), 'varints', tokens(n % 256));
    expect(recent.get(key(0), 'varints')).toEqual(tokens(7, 100));
    expect(recent.get(key(0), 'varints')!.buffer).not.toBe(shared.buffer);
  });

  it('are not long ones', () => {
    const recent = new RecentSegments();
    recent.add(key(1), 'words', tokens(1, limits.recentSegmentsBytesMax / 64 + 1));
    expect(recent.get(key(1), 'words')).toBeUndefined();
  });
});

describe('a conversation that is read again', () => {
  let t: TestVault;
  beforeEach(async () => (t = await openTestVault()));
  afterEach(() => t.close());

  const read = async (id: string, tokenOffset = 0): Promise<RetrievePart[]> =>
    collectAll(partsOf(t.vault.retrieve({ id, encoding: 'tokens', tokenOffset }, signal)));

  it('is the same, and its frames are not read', async () => {
    await t.vault.store(
      { spec: spec('a'), messages: [say('system', [1, 300, 70_000]), say('user', [2])] },
      signal,
    );
    const first = await read('a');
    const rest = await read('a', 2);
    t.backend.readFrames = () => Promise.reject(new Error('frames are read'));
    expect(await read('a')).toEqual(first);
    expect(await read('a', 2)).toEqual(rest);
  });

  it('is read when it names one segment more', async () => {
    await t.vault.store({ spec: spec('a'), messages: [say('system', [1])] }, signal);
    await read('a');
    await t.vault.append({ id: 'a', messages: [say('user', [2]), say('assistant', [1])] }, signal);
    const chunks = (await read('a')).flatMap((part) =>
      part.kind === 'chunk' && part.content?.kind === 'varints' ? [...part.content.bytes] : [],
    );
    expect(chunks).toEqual([1, 2, 1]);
  });
});
