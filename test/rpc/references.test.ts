import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StowkenError } from '../../src/model/index.js';
import type { Fields } from './support/client.js';
import { ids, nameOf, notFound, ok, segmentCalls } from './support/segments.js';
import { startTestServer, type TestServer } from './support/server.js';
import { asHash } from '../support/hashes.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeEach(async () => {
  server = await startTestServer();
  client = server.client;
});
afterEach(() => server.stop());

const { results, put, refCounts, garbage } = segmentCalls(() => client);

describe('references', () => {
  it('keep segments, are added once, and are removed by those who added them', async () => {
    await put('', ids(1), ids(2));
    const [one, two] = [nameOf(1), nameOf(2)];
    const references = [
      { hash: one, holder: 'h' },
      { hash: nameOf(9), holder: 'h' },
      { hash: one, holder: 'h' },
      { hash: one, holder: 'g' },
    ];
    expect(await results('AddReferences', { references })).toMatchObject([
      { status: ok, ref_count: 1 },
      { status: notFound(nameOf(9)) },
      { status: ok, ref_count: 1 },
      { status: ok, ref_count: 2 },
    ]);
    expect(await refCounts(one, two, nameOf(9))).toEqual([2, 0, undefined]);
    expect(await garbage()).toEqual([two]);
    expect(await results('RemoveReferences', { references })).toMatchObject([
      { status: ok, ref_count: 1 },
      { status: notFound(nameOf(9)) },
      { status: ok, ref_count: 1 },
      { status: ok, ref_count: 0 },
    ]);
    expect(await garbage()).toEqual([one, two]);
  });

  it('of conversations cannot be removed by a client', async () => {
    await client.unary('StoreConversation', { conversation: { id: 'c' }, messages: [ids(1)] });
    const reference = { hash: nameOf(1), holder: 'c' };
    const removed = await results('RemoveReferences', { references: [reference] });
    expect(removed).toMatchObject([{ status: ok, ref_count: 1 }]);
    expect(await client.refused('DeleteSegment', { hash: nameOf(1) })).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'SEGMENT_REFERENCED',
      metadata: { ref_count: '1' },
    });
    await results('AddReferences', { references: [reference] });
    await client.unary('DeleteConversation', { id: 'c' });
    await client.stream('CollectGarbage', {});
    expect(await refCounts(nameOf(1))).toEqual([1]);
  });

  it('need a holder of 1 to 512 bytes', async () => {
    for (const [holder, size, limit] of [
      ['', '0', '1'],
      ['x'.repeat(513), '513', '512'],
    ]) {
      for (const method of ['AddReferences', 'RemoveReferences']) {
        const request = { references: [{ hash: nameOf(1), holder }] };
        expect(await client.refused(method, request)).toMatchObject({
          code: status.INVALID_ARGUMENT,
          reason: 'INVALID_FIELD',
          metadata: { field: 'references[0].holder', size, limit },
        });
      }
    }
  });
});

describe('deleting a segment', () => {
  it('takes garbage alone', async () => {
    await put('h', ids(1));
    await put('', ids(2));
    expect(await client.refused('DeleteSegment', { hash: nameOf(1) })).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'SEGMENT_REFERENCED',
    });
    await client.unary('DeleteSegment', { hash: nameOf(2) });
    expect(await client.refused('DeleteSegment', { hash: nameOf(2) })).toMatchObject(notFound(nameOf(2)));
    expect(await refCounts(nameOf(1), nameOf(2))).toEqual([1, undefined]);
  });
});

describe('listing garbage', () => {
  it('goes through pages', async () => {
    const count = 7;
    await put('', ...Array.from({ length: count }, (_, index) => ids(index, 1)));
    const seen: Fields[] = [];
    let page_token = '';
    do {
      const page = await client.unary('ListGarbage', { page_size: 3, page_token });
      const segments = page['segments'] as Fields[];
      expect(segments.length).toBeLessThanOrEqual(3);
      seen.push(...segments);
      page_token = page['next_page_token'] as string;
    } while (page_token !== '');
    const names = Array.from({ length: count }, (_, index) => nameOf(index, 1));
    expect(seen.map(({ hash }) => hash).sort()).toEqual(names.sort());
    expect(seen.every(({ token_count, bytes }) => token_count === 2 && bytes === 3)).toBe(true);
  });

  it('refuses foreign page tokens, and negative sizes', async () => {
    await client.unary('StoreConversation', {});
    await client.unary('StoreConversation', {});
    const list = await client.unary('ListConversations', { page_size: 1 });
    for (const page_token of [list['next_page_token'] as string, 'x', 'AAAA']) {
      expect(await client.refused('ListGarbage', { page_token })).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_PAGE_TOKEN',
      });
    }
    expect(await client.refused('ListGarbage', { page_size: -1 })).toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'page_size' },
    });
  });
});

describe('a damaged segment', () => {
  it('is named in a page of garbage beside the others', async () => {
    await server.stop();
    const error = new StowkenError('CORRUPT_SEGMENT', 'the frame does not decode');
    const hash = asHash(nameOf(1));
    server = await startTestServer({
      listGarbage: async () => ({
        segments: [{ hash, tokenCount: 1, frameBytes: 2 }],
        damaged: [{ frameBytes: 7, error }],
        next: undefined,
      }),
    });
    client = server.client;
    expect(await client.unary('ListGarbage', {})).toMatchObject({
      segments: [{ hash, bytes: 2 }],
      damaged: [
        { status: { code: status.DATA_LOSS, reason: 'CORRUPT_SEGMENT', message: error.message }, bytes: 7 },
      ],
    });
  });

  it('is an item that failed, and is logged', async () => {
    await server.stop();
    const error = new StowkenError('CORRUPT_SEGMENT', 'the frame does not decode');
    server = await startTestServer({
      hasSegments: async () => [{ kind: 'failed', error }],
      async *getSegments() {
        yield { kind: 'failed', index: 0, error };
      },
    });
    client = server.client;
    const damaged = { status: { code: status.DATA_LOSS, reason: 'CORRUPT_SEGMENT' } };
    expect(await client.stream('GetSegments', { hashes: [nameOf(1)] })).toMatchObject([damaged]);
    expect(await results('HasSegments', { hashes: [nameOf(1)] })).toMatchObject([damaged]);
    expect(server.log.filter(({ msg }) => msg === 'a segment is damaged')).toHaveLength(2);
  });
});
