import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCodec, type Codec } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import { isStowkenError } from '../../src/model/index.js';
import * as twin from '../twin/varint.js';

let core: TokenCore;
let codec: Codec;
beforeAll(async () => {
  core = await loadCore();
  codec = createCodec(core);
});

describe('a codec without a registry', () => {
  it('gives back every sequence, its words and its name', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff_ffff })), (tokens) => {
        const run = core.fromTokens(Uint32Array.from(tokens));
        const frame = codec.encode(run);
        expect(codec.decode(frame)).toEqual(run);
        expect(codec.decodeLe32(frame)).toEqual(twin.words(tokens));
        expect(codec.hashOf(frame)).toBe(core.hash(run.varints));
        expect(frame.length).toBeLessThanOrEqual(run.varints.length + 4);
      }),
    );
  });

  it('refuses what no encoder wrote', () => {
    const frames = [[], [0x00], [0x01, 0x80], [0x01, 0x80, 0x00], [0xff, 1, 2]];
    for (const frame of frames.map((bytes) => Uint8Array.from(bytes))) {
      for (const read of [codec.decode, codec.decodeLe32, codec.hashOf]) {
        expect(() => read(frame)).toThrow(
          expect.toSatisfy((error: unknown) => isStowkenError(error, 'CORRUPT_SEGMENT')),
        );
      }
    }
  });
});
