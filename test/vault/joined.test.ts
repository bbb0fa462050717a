import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { fullKinds, openStoredVault, storageKinds } from '../support/stored-vault.js';
import { say, signal, spec, type TestVault } from '../support/vault.js';

describe.each([...new Set([...storageKinds, ...fullKinds])])('joined conversations, %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  const store = (id: string, messages: readonly (readonly number[])[]) =>
    t.vault.store({ spec: spec(id), messages: messages.map((tokens) => say('user', tokens)) }, signal);

  it('come with the same tokens as in chunks, in parts that a client takes', async () => {
    const long = Array.from({ length: 700 }, (_, at) =>
      Array.from({ length: 600 }, (__, token) => at * token),
    );
    const stored: Record<string, readonly (readonly number[])[]> = {
      empty: [],
      hollow: [[], [1, 2], [], []],
      short: [[1], [2, 3]],
      whole: [Array.from({ length: 300_000 }, (_, at) => at % 70_000)],
      long,
    };
    for (let at = 0; at < 100; at++) stored[`c${at}`] = [[at], [at, 7, at], [1, 2, 3]].slice(at % 3);
    for (const [id, messages] of Object.entries(stored)) await store(id, messages);
    const ids = [...Object.keys(stored), 'none', 'short'];
    const found = ids.map(() => ({
      kinds: [] as string[],
      le32: [] as Uint8Array[],
      messages: [] as object[],
    }));
    for await (const batch of t.vault.retrieveMany({ ids, encoding: 'le32', joined: true }, signal))
      for (const { index, part } of batch) {
        const { kinds, le32, messages } = found[index]!;
        kinds.push(part.kind);
        if (part.kind !== 'joined') continue;
        le32.push(...part.pieces.map((piece) => piece.slice()));
        for (const { role, tokenCount } of part.messages) messages.push({ role, tokenCount });
        const bytes = part.pieces.reduce((sum, { length }) => sum + length, 0);
        expect(bytes).toBeLessThanOrEqual(limits.chunkBytesMax);
      }
    for (const [at, id] of ids.entries()) {
      const { kinds, le32, messages } = found[at]!;
      if (id === 'none') expect(kinds).toEqual(['failed']);
      else {
        expect(kinds[0]).toBe('header');
        expect(Buffer.concat(le32).equals(Buffer.from(Uint32Array.from(stored[id]!.flat()).buffer))).toBe(
          true,
        );
        expect(messages).toEqual(stored[id]!.map(({ length }) => ({ role: 'user', tokenCount: length })));
      }
    }
  });
});
