// Bytes that were written once stay readable for ever: never regenerate files in test/golden. A new version
// of a format gets new files beside these.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCodec, type Codec } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import { decodeBlock } from '../twin/frame.js';
import { readRegistry, type TwinRegistry } from '../twin/registry.js';
import { crc32 } from '../twin/crc32.js';
import { random } from './samples.js';

interface GoldenFrame {
  readonly tokens: number[];
  readonly frame: string;
}

const folder = join(import.meta.dirname, '..', 'golden');
const registryBytes = new Uint8Array(readFileSync(join(folder, 'registry-v1.bin')));
const goldenFrames = JSON.parse(readFileSync(join(folder, 'frames-v1.json'), 'utf8')) as GoldenFrame[];

describe.each(['release', 'debug'] as const)('golden files, in the %s build', (build) => {
  let core: TokenCore;
  let codec: Codec;
  let twin: TwinRegistry;
  beforeAll(async () => {
    core = await loadCore({ build });
    codec = createCodec(core).withRegistry(registryBytes);
    twin = readRegistry(registryBytes);
  });

  it('decode to their tokens, by the codec and by its twin', () => {
    expect(goldenFrames.length).toBeGreaterThan(20);
    for (const { tokens, frame } of goldenFrames) {
      const bytes = new Uint8Array(Buffer.from(frame, 'hex'));
      expect([...core.toTokens(codec.decode(bytes).varints)]).toEqual(tokens);
      if (bytes[0]! >= 0x80) expect(decodeBlock(twin, bytes.subarray(1))).toEqual(tokens);
    }
  });

  it('are what the encoder writes today', () => {
    for (const { tokens, frame } of goldenFrames) {
      const now = codec.encode(core.fromTokens(Uint32Array.from(tokens)));
      expect(Buffer.from(now).toString('hex')).toBe(frame);
    }
  });

  it('agree with the twin on any tokens', () => {
    const known = fc.constantFrom(...goldenFrames.flatMap(({ tokens }) => tokens));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(known, known, fc.nat({ max: 0xffff_ffff })), { maxLength: 80 }),
        (tokens) => {
          const frame = codec.encode(core.fromTokens(Uint32Array.from(tokens)));
          if (frame[0]! >= 0x80) expect(decodeBlock(twin, frame.subarray(1))).toEqual(tokens);
        },
      ),
    );
  });
});

/** Rounds of the fuzz test: mutations of frames, and of registries with a corrected checksum. */
const FRAME_MUTATIONS = 120_000;
const REGISTRY_MUTATIONS = 2_000;

describe('altered bytes', () => {
  const seed = Number(process.env['STOWKEN_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  const mutate = (bytes: Uint8Array, next: () => number): Uint8Array => {
    const at = () => Math.floor(next() * bytes.length);
    const kind = next();
    if (kind < 0.2) return bytes.slice(0, at());
    if (kind < 0.3) return new Uint8Array(Buffer.concat([bytes, bytes.subarray(at())]));
    const changed = bytes.slice();
    for (let left = 1 + Math.floor(4 * next()); left > 0; left--) changed[at()] = Math.floor(256 * next());
    return changed;
  };

  it('are a sequence or an error, never more', async () => {
    process.stdout.write(`fuzz seed ${seed} (set STOWKEN_FUZZ_SEED to repeat it)\n`);
    const next = random(seed);
    const core = await loadCore();
    const codec = createCodec(core).withRegistry(registryBytes);
    const frames = goldenFrames.map(({ frame }) => new Uint8Array(Buffer.from(frame, 'hex')));
    const before = codec.registries[0]!.memoryBytes;
    let refused = 0;
    for (let round = 0; round < FRAME_MUTATIONS; round++) {
      const frame = mutate(frames[Math.floor(next() * frames.length)]!, next);
      try {
        const { varints, tokenCount } = codec.decode(frame);
        expect(core.countTokens(varints)).toBe(tokenCount);
      } catch (error) {
        expect(error).toMatchObject({ reason: 'CORRUPT_SEGMENT' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(FRAME_MUTATIONS / 10);
    expect(codec.registries[0]!.memoryBytes - before).toBeLessThan(2 * 1024 * 1024);
    for (const { tokens, frame } of goldenFrames) {
      expect([...core.toTokens(codec.decode(new Uint8Array(Buffer.from(frame, 'hex'))).varints)]).toEqual(
        tokens,
      );
    }
  });

  it('of a registry are refused, or decode to sequences and errors', async () => {
    const next = random(seed);
    const core = await loadCore();
    let refused = 0;
    for (let round = 0; round < REGISTRY_MUTATIONS; round++) {
      const bytes = mutate(registryBytes, next);
      const repaired = round % 2 === 0 && bytes.length > 16;
      if (repaired)
        new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
      try {
        const codec = createCodec(core).withRegistry(bytes);
        expect(repaired || Buffer.compare(bytes, registryBytes) === 0).toBe(true);
        for (const { tokens } of goldenFrames.slice(0, 5)) {
          const run = core.fromTokens(Uint32Array.from(tokens));
          expect(codec.decode(codec.encode(run))).toEqual(run);
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'StowkenError' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThanOrEqual(REGISTRY_MUTATIONS / 2);
  });
});
