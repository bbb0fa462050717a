import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Fields } from './support/client.js';
import { hashOf, ids, nameOf, notFound, ok, words, segmentCalls } from './support/segments.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage, varint, type RawField } from './support/wire.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeEach(async () => {
  server = await startTestServer();
  client = server.client;
});
afterEach(() => server.stop());

const { results, put, refCounts, garbage } = segmentCalls(() => client);

describe('putting segments', () => {
  it('names them as the seed does, whatever their form, and tells each what became of it', async () => {
    const forms = [ids(1, 2, 300), { tokens_le32: words(1, 2, 300) }, ids(0, 0xffff_ffff)];
    expect(await put('h', ...forms)).toMatchObject([
      { status: ok, hash: nameOf(1, 2, 300), token_count: 3 },
      { status: ok, hash: nameOf(1, 2, 300), token_count: 3 },
      { status: ok, hash: nameOf(0, 0xffff_ffff), token_count: 2 },
    ]);
    expect(await client.unary('GetStats', {})).toMatchObject({ segments: 2, garbage_segments: 0 });
  });

  it('can be done again: nothing changes', async () => {
    await put('h', ids(1));
    await put('h', ids(1));
    expect(await refCounts(nameOf(1))).toEqual([1]);
    await put('', ids(1));
    expect(await refCounts(nameOf(1))).toEqual([1]);
  });

  it('leaves garbage where no holder is named', async () => {
    await put('', ids(1));
    expect(await garbage()).toEqual([nameOf(1)]);
  });

  it('refuses one by one what is malformed, empty or too long, and stores the others', async () => {
    const long = Buffer.alloc(4 * (limits.segmentTokensMax + 1));
    const whole = Buffer.alloc(4 * limits.segmentTokensMax);
    const bad = [
      { tokens_le32: Buffer.alloc(5) },
      ids(),
      {},
      { tokens_le32: Buffer.alloc(0) },
      { tokens_le32: long },
    ];
    const outcomes = await put('h', ids(7), ...bad, { tokens_le32: whole });
    const code = status.INVALID_ARGUMENT;
    const sizes = (index: number, size: number, limit: number) => ({
      field: `segments[${index}]`,
      size: String(size),
      limit: String(limit),
    });
    expect(outcomes).toMatchObject([
      { status: ok, hash: nameOf(7) },
      { status: { code, reason: 'MALFORMED_TOKENS', metadata: { field: 'segments[1].tokens_le32' } } },
      { status: { code, reason: 'INVALID_FIELD', metadata: sizes(2, 0, 1) } },
      { status: { code, reason: 'INVALID_FIELD', metadata: sizes(3, 0, 1) } },
      { status: { code, reason: 'INVALID_FIELD', metadata: sizes(4, 0, 1) } },
      {
        status: {
          code,
          reason: 'INVALID_FIELD',
          metadata: sizes(5, limits.segmentTokensMax + 1, limits.segmentTokensMax),
        },
      },
      { status: ok, hash: hashOf(whole), token_count: limits.segmentTokensMax },
    ]);
    expect(await client.unary('GetStats', {})).toMatchObject({ segments: 2 });
  });

  it('reads varints as a store does', async () => {
    const segment = (...fields: RawField[]) => rawMessage([2, rawMessage([1, rawMessage(...fields)])]);
    const overlong = segment([1, Buffer.from([0x85, 0x80, 0x00, 7])]);
    const unpacked = segment([1, 5], [1, 7]);
    const tooWide = segment([1, varint(2 ** 32)]);
    const cutOff = segment([1, Buffer.from([5, 0x80])]);
    const request = Buffer.concat([overlong, unpacked, tooWide, cutOff]);
    const { results } = await client.unary('PutSegments', request);
    const malformed = (index: number) => ({
      status: { reason: 'MALFORMED_TOKENS', metadata: { field: `segments[${index}].tokens` } },
    });
    expect(results).toMatchObject([
      { status: ok, hash: nameOf(5, 7) },
      { status: ok, hash: nameOf(5, 7) },
      malformed(2),
      malformed(3),
    ]);
  });

  it('refuses a request with two forms of one segment, too many of them, or too long a holder', async () => {
    const both = rawMessage([2, rawMessage([1, rawMessage([1, 5])], [2, Buffer.alloc(4)])]);
    expect(await client.refused('PutSegments', both)).toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'segments[0].content' },
    });
    const size = limits.segmentsPerRequestMax + 1;
    const many = Buffer.alloc(2 * size, Buffer.from([0x12, 0x00]));
    expect(await client.refused('PutSegments', many)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'segments', size: String(size), limit: String(limits.segmentsPerRequestMax) },
    });
    const request = { holder: 'ü'.repeat(257), segments: [ids(1)] };
    expect(await client.refused('PutSegments', request)).toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'holder', size: '514', limit: '512' },
    });
    expect(await client.unary('GetStats', {})).toMatchObject({ segments: 0 });
  });

  it('takes no segments at all', async () => {
    expect(await put('h')).toEqual([]);
  });
});

describe('getting segments', () => {
  it('gives them in the order asked, in either form, and tells what is not there', async () => {
    await put('h', ids(1, 2, 300), ids(4));
    const hashes = [nameOf(4), nameOf(9), nameOf(1, 2, 300), nameOf(4)];
    const asTokens = await client.stream('GetSegments', { hashes });
    expect(asTokens).toMatchObject([
      { index: 0, status: ok, token_count: 1, tokens: { ids: [4] }, end_of_segment: true },
      { index: 1, status: notFound(nameOf(9)), end_of_segment: true },
      { index: 2, status: ok, token_count: 3, tokens: { ids: [1, 2, 300] }, end_of_segment: true },
      { index: 3, status: ok, token_count: 1, tokens: { ids: [4] }, end_of_segment: true },
    ]);
    const asLe32 = await client.stream('GetSegments', { hashes, encoding: 'ENCODING_LE32' });
    expect(asLe32.map((each) => each['tokens_le32'])).toEqual([
      words(4),
      undefined,
      words(1, 2, 300),
      words(4),
    ]);
    expect(await client.stream('GetSegments', {})).toEqual([]);
  });

  it.each(['ENCODING_TOKENS', 'ENCODING_LE32'])('cuts a long one into chunks of %s', async (encoding) => {
    const long = Uint32Array.from({ length: limits.segmentTokensMax }, (_, index) => index * 4099);
    const bytes = Buffer.from(long.buffer);
    await put('h', { tokens_le32: bytes }, ids(1));
    const parts = await client.stream('GetSegments', { hashes: [hashOf(bytes), nameOf(1)], encoding });
    const chunks = parts.filter(({ index }) => index === 0);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.map((chunk) => chunk['end_of_segment']).indexOf(true)).toBe(chunks.length - 1);
    const tokens = chunks.flatMap((chunk) => {
      const raw = chunk['tokens_le32'] as Buffer | undefined;
      if (raw) expect(raw.length).toBeLessThanOrEqual(limits.chunkBytesMax);
      const list = raw
        ? [...new Uint32Array(new Uint8Array(raw).buffer)]
        : (chunk['tokens'] as { ids: number[] }).ids;
      return [{ offset: chunk['token_offset'], list }];
    });
    let offset = 0;
    for (const chunk of tokens) {
      expect(chunk.offset).toBe(offset);
      offset += chunk.list.length;
    }
    expect(hashOf(Buffer.from(Uint32Array.from(tokens.flatMap(({ list }) => list)).buffer))).toBe(
      hashOf(bytes),
    );
    expect(parts.at(-1)).toMatchObject({ index: 1, token_count: 1, end_of_segment: true });
  });

  it('gives no text', async () => {
    expect(
      await client.refused('GetSegments', { hashes: [nameOf(1)], encoding: 'ENCODING_TEXT' }),
    ).toMatchObject({ reason: 'INVALID_FIELD', metadata: { field: 'encoding' } });
    const unknown = rawMessage([3, 9]);
    expect(await client.refused('GetSegments', unknown)).toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'encoding', value: '9' },
    });
  });
});

describe('names of segments', () => {
  const good = nameOf(1);
  it.each([
    '',
    'x',
    '../../x',
    '/abs',
    good.slice(1),
    `${good}0`,
    good.toUpperCase().replace('0', 'A'),
    `${good}\n`,
  ])('%j is none', async (hash) => {
    const calls: [string, Fields, string][] = [
      ['GetSegments', { hashes: [good, hash] }, 'hashes[1]'],
      ['HasSegments', { hashes: [good, hash] }, 'hashes[1]'],
      ['AddReferences', { references: [{ hash, holder: 'h' }] }, 'references[0].hash'],
      ['RemoveReferences', { references: [{ hash, holder: 'h' }] }, 'references[0].hash'],
      ['DeleteSegment', { hash }, 'hash'],
    ];
    for (const [method, request, field] of calls) {
      expect(await client.refused(method, request)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field, size: String(hash.length) },
      });
    }
  });

  it('are so many in one request, and no more', async () => {
    const limit = limits.segmentsPerRequestMax;
    const hashes = Array<string>(limit).fill(good);
    expect(await results('HasSegments', { hashes })).toHaveLength(limit);
    const facts = { size: String(limit + 1), limit: String(limit) };
    for (const method of ['HasSegments', 'GetSegments']) {
      expect(await client.refused(method, { hashes: [...hashes, good] })).toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field: 'hashes', ...facts },
      });
    }
    const references = Array<Fields>(limit + 1).fill({ hash: good, holder: 'h' });
    for (const method of ['AddReferences', 'RemoveReferences']) {
      expect(await client.refused(method, { references })).toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field: 'references', ...facts },
      });
    }
  });
});
