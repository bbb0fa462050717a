import { expect, it } from 'vitest';
import type { FoundSegment, StorageBackend } from '../../src/storage/index.js';
import { createMemoryBackend } from '../../src/storage/index.js';
import { openTestVault, partsOf, say, signal, spec } from '../support/vault.js';

/** A memory backend that remembers what a test says, right or wrong. */
function remembering(backend: StorageBackend, memory: ReadonlyMap<string, FoundSegment>): StorageBackend {
  return new Proxy(backend, {
    get(target, name) {
      if (name === 'knownSegments')
        return (hashes: readonly string[]) => hashes.map((hash) => memory.get(hash));
      if (name === 'findSegments') return () => expect.fail('a store asked for what is remembered');
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

it('a store believes no memory of segments: the commit decides', async () => {
  const memory = new Map<string, FoundSegment>();
  const t = await openTestVault(async (codec, clock) =>
    remembering(createMemoryBackend({ codec, clock }), memory),
  );
  const store = (id: string) => t.vault.store({ spec: spec(id), messages: [say('user', [1, 2, 3])] }, signal);
  const hash = t.core.hash(t.core.fromTokens(Uint32Array.of(1, 2, 3)).varints);

  // Remembered as stored, and it is not.
  memory.set(hash, { key: 99 as FoundSegment['key'], tokenCount: 3 });
  expect(await store('a')).toMatchObject({ newSegments: 1 });
  // Not remembered, and it is stored.
  memory.clear();
  expect(await store('b')).toMatchObject({ newSegments: 0, totalSegments: 1 });

  for (const id of ['a', 'b']) {
    const tokens: number[] = [];
    for await (const part of partsOf(t.vault.retrieve({ id, encoding: 'tokens' }, signal)))
      if (part.kind === 'chunk' && part.content?.kind === 'varints')
        tokens.push(...t.core.toTokens(part.content.bytes));
    expect(tokens).toEqual([1, 2, 3]);
  }
  await t.close();
});
