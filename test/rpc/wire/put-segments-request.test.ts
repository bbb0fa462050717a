import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { isStowkenError, limits } from '../../../src/model/index.js';
import { encodeSegmentChunk } from '../../../src/rpc/wire/token-responses.js';
import { type PutSegmentsParts, readPutSegmentsRequest } from '../../../src/rpc/wire/token-requests.js';
import { message } from '../support/client.js';
import { rawMessage, varint } from '../support/wire.js';

const ordinary = message('stowken.v1.PutSegmentsRequest');
const { signal } = new AbortController();
const read = (bytes: Buffer) => readPutSegmentsRequest(bytes, signal);

const token = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const segment = fc.oneof(
  fc.constant({}),
  fc.array(token).map((ids) => ({ tokens: { ids } })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ tokens_le32: Buffer.from(bytes) })),
);
const label = fc.string({ unit: 'binary', maxLength: 20 });
const request = fc.record({ vault: label, holder: label, segments: fc.array(segment) });

/** Returns a segment in the ordinary decoder's form. */
function asOrdinary(content: PutSegmentsParts['contents'][number]) {
  if (content.kind === 'none') return {};
  if (content.kind === 'le32') return { content: 'tokens_le32', tokens_le32: Buffer.from(content.bytes) };
  const ids = content.chunks.flatMap((chunk) => {
    const reader = protobuf.Reader.create(chunk);
    const tokens: number[] = [];
    while (reader.pos < reader.len) tokens.push(reader.uint32());
    return tokens;
  });
  return { content: 'tokens', tokens: { ids } };
}

describe('reading a put of segments', () => {
  it('agrees with the ordinary decoder about every segment and every other field', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (fields) => {
        const bytes = ordinary.serialize(fields);
        const expected = ordinary.deserialize(bytes);
        const parts = await read(bytes);
        expect(parts.contents.map(asOrdinary)).toEqual(expected['segments']);
        expect({ ...ordinary.deserialize(parts.fields), segments: [] }).toEqual({
          ...expected,
          segments: [],
        });
      }),
    );
  });

  it('leaves tokens in one packed piece where they are', async () => {
    const bytes = rawMessage([2, rawMessage([1, rawMessage([1, varint(300)])])]);
    expect((await read(bytes)).contents).toMatchObject([{ chunks: [{ buffer: bytes.buffer }] }]);
  });

  it('reads or refuses every prefix and every changed byte, and never fails otherwise', async () => {
    const outcome = (bytes: Buffer) =>
      read(bytes).then(
        () => 'accepted',
        (error: unknown) => {
          if (isStowkenError(error)) return error.reason;
          throw error;
        },
      );
    await fc.assert(
      fc.asyncProperty(request, fc.nat(), fc.nat({ max: 255 }), async (fields, at, byte) => {
        const bytes = ordinary.serialize(fields);
        const position = at % (bytes.length + 1);
        const changed = Buffer.from(bytes);
        if (position < bytes.length) changed[position] = byte;
        for (const damaged of [bytes.subarray(0, position), changed]) {
          expect(['accepted', 'MALFORMED_REQUEST', 'MALFORMED_TOKENS', 'INVALID_FIELD']).toContain(
            await outcome(damaged),
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('encoding a chunk of a segment', () => {
  const response = message('stowken.v1.GetSegmentsResponse');
  const count = fc.oneof(fc.constant(0), fc.nat({ max: limits.segmentTokensMax }));

  it('is read by the ordinary decoder as what it is', () => {
    fc.assert(
      fc.property(
        count,
        count,
        count,
        fc.array(token),
        fc.boolean(),
        fc.boolean(),
        (index, tokenCount, tokenOffset, ids, asLe32, endOfSegment) => {
          const words = Buffer.from(Uint32Array.from(ids).buffer);
          const bytes = encodeSegmentChunk({
            kind: 'chunk',
            index,
            tokenCount,
            tokenOffset,
            content: asLe32
              ? { kind: 'le32', bytes: words }
              : { kind: 'varints', bytes: Buffer.concat(ids.map(varint)) },
            endOfSegment,
          });
          expect(response.deserialize(bytes)).toMatchObject({
            index,
            status: { code: 0, reason: '' },
            token_count: tokenCount,
            token_offset: tokenOffset,
            ...(asLe32 ? { tokens_le32: words } : { tokens: { ids } }),
            end_of_segment: endOfSegment,
          });
        },
      ),
    );
  });
});
