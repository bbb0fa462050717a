import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { startTestServer } from '../cli/support/start-server.js';

let server: RunningServer;
let client: StowkenClient;
beforeAll(async () => {
  server = await startTestServer();
  client = connect({ server: server.address });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

const absent = '0'.repeat(64);

async function collected<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

describe('SegmentClient', () => {
  it('gives back any tokens exactly, whichever form they were put in', async () => {
    const tokens = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(fc.array(tokens, { minLength: 1, maxLength: 5 }), async (lists) => {
        const forms = lists.flatMap((list) => {
          const words = Uint32Array.from(list);
          return [list, words, new Uint8Array(words.buffer)];
        });
        const put = await client.segments.put(forms, { holder: 'h' });
        const hashes = put.map((each) => (each.kind === 'stored' ? each.hash : ''));
        const got = await collected(client.segments.get(hashes));
        expect(got.map((each) => (each.kind === 'segment' ? Array.from(each.tokens) : each))).toEqual(
          lists.flatMap((list) => [list, list, list]),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('joins the chunks of a long one', async () => {
    const tokens = Uint32Array.from({ length: 600_000 }, (_, index) => index * 5_003);
    const [put] = await client.segments.put([tokens], { holder: 'h' });
    const hash = put?.kind === 'stored' ? put.hash : '';
    const [first, second, third] = await collected(client.segments.get([hash, absent, hash]));
    expect(
      first?.kind === 'segment' && Buffer.from(first.tokens.buffer).equals(Buffer.from(tokens.buffer)),
    ).toBe(true);
    expect(second).toMatchObject({ kind: 'failed', hash: absent, error: { reason: 'SEGMENT_NOT_FOUND' } });
    expect(third).toMatchObject({ kind: 'segment', hash });
  });

  it('tells item by item, with errors that programs can read', async () => {
    const [good, bad] = await client.segments.put([[1], []]);
    expect(good).toMatchObject({ kind: 'stored', tokenCount: 1 });
    expect(bad).toMatchObject({
      kind: 'failed',
      error: { reason: 'INVALID_FIELD', codeName: 'INVALID_ARGUMENT', metadata: { size: '0', limit: '1' } },
    });
    expect(bad?.kind === 'failed' && isClientError(bad.error)).toBe(true);
  });

  it('references, counts, lists and deletes', async () => {
    const [put] = await client.segments.put([[77]]);
    const hash = put?.kind === 'stored' ? put.hash : '';
    const listed = async () =>
      (await client.segments.listGarbagePage({ pageSize: 1000 })).segments.filter(
        (each) => each.hash === hash,
      );
    expect(await listed()).toEqual([{ hash, tokenCount: 1, bytes: 2 }]);
    const reference = { hash, holder: 'me' };
    const missing = { hash: absent, holder: 'me' };
    expect(await client.segments.addReferences([reference, missing])).toMatchObject([
      { kind: 'done', refCount: 1 },
      { kind: 'failed', error: { reason: 'SEGMENT_NOT_FOUND' } },
    ]);
    expect(await client.segments.has([hash, absent])).toEqual([
      { kind: 'stored', tokenCount: 1, refCount: 1 },
      { kind: 'absent' },
    ]);
    await expect(client.segments.delete(hash)).rejects.toMatchObject({ reason: 'SEGMENT_REFERENCED' });
    expect(await client.segments.removeReferences([reference])).toEqual([{ kind: 'done', refCount: 0 }]);
    await client.segments.delete(hash);
    expect(await listed()).toEqual([]);
    await expect(client.segments.delete(hash)).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
  });

  it('verifies the vault', async () => {
    const parts = await collected(client.verify());
    expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
  });
});
