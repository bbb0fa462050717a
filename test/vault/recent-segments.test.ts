import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { SegmentKey } from '../../src/storage/index.js';
import { SegmentTokenCache } from '../../src/vault/read/segment-tokens.js';
import type { RetrievePart } from '../../src/vault/index.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

const key = 1 as SegmentKey;

describe('segments that were read lately', () => {
  it('are there, each in the form in which it was read', () => {
    const recent = new SegmentTokenCache();
    recent.add(key, 'varints', Uint8Array.of(1, 2));
    expect(recent.get(key, 'varints')).toEqual(Uint8Array.of(1, 2));
    expect(recent.get(key, 'le32')).toBeUndefined();
  });

  it('are not long ones', () => {
    const recent = new SegmentTokenCache();
    recent.add(key, 'le32', new Uint8Array(limits.recentSegmentsBytesMax / 32 + 1));
    expect(recent.get(key, 'le32')).toBeUndefined();
  });

  it('are, of one call, the first few thousand: a long conversation leaves what others read', () => {
    const recent = new SegmentTokenCache();
    const call = recent.forCall();
    for (let n = 1; n <= 10_000; n++) call.add(n as SegmentKey, 'varints', Uint8Array.of(n % 128));
    expect(recent.get(1 as SegmentKey, 'varints')).toEqual(Uint8Array.of(1));
    expect(call.get(4096 as SegmentKey, 'varints')).toBeDefined();
    expect(recent.get(4097 as SegmentKey, 'varints')).toBeUndefined();
    recent.forCall().add(4097 as SegmentKey, 'varints', Uint8Array.of(3));
    expect(call.get(4097 as SegmentKey, 'varints')).toEqual(Uint8Array.of(3));
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
