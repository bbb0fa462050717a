import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { createVault } from '../../src/vault/index.js';
import { randomFrom } from '../support/random.js';
import { sharedSearchThreads, sharedTokenizers } from '../support/threads.js';
import { collectAll, say, signal, spec } from '../support/vault.js';
import { backendKinds, core, useBench } from './support.js';

describe.each(backendKinds)('attachments in the %s backend', (kind) => {
  const bench = useBench(kind, { sync: false });
  const vault = () => {
    const { backend, codec } = bench();
    return createVault({
      name: 'default',
      ...{ backend, core, codec, tokenizers: sharedTokenizers(), searchThreads: sharedSearchThreads() },
      clock: () => bench().nowMs,
    });
  };
  const random = randomFrom(5);
  const sizes = [5, 2 * limits.attachmentPartBytes + 3];
  const attachments = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => random.below(256))));
  const messages = [
    { ...say('user', [1, 2]), fields: Buffer.from('{"a":1}'), attachments },
    say('user', [3]),
  ];

  it('come back after the vault was opened again, and go with their last conversation', async () => {
    await vault().store({ spec: spec('a'), messages }, signal);
    await vault().fork(
      { id: 'a', newId: 'b', messageCount: 1, ifRevision: undefined, requestId: undefined },
      signal,
    );
    await bench().reopen();
    await vault().delete('a', { allowMissing: false });
    const collect = () => collectAll(vault().collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    bench().nowMs += 1000;
    await collect();
    for (const [index, bytes] of attachments.entries()) {
      const parts = await collectAll(vault().attachment({ id: 'b', messageIndex: 0, index }, signal));
      expect(parts[0]).toEqual({
        sha256: createHash('sha256').update(bytes).digest('hex'),
        sizeBytes: bytes.length,
      });
      expect(Buffer.concat(parts.slice(1) as Uint8Array[]).equals(bytes)).toBe(true);
    }
    await vault().delete('b', { allowMissing: false });
    bench().nowMs += 1000;
    await collect();
    expect((await vault().stats()).segments).toBe(0);
  });
});
