import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createCodec,
  frameRegistryId,
  registryIdOf,
  trainHere,
  trainRegistry,
  type Codec,
} from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import { isStowkenError, limits, type TokenRun } from '../../src/model/index.js';
import * as twin from '../twin/varint.js';
import { random, sampleSegments } from './samples.js';

describe.each(['release', 'debug'] as const)('with a registry, in the %s build', (build) => {
  let core: TokenCore;
  let samples: TokenRun[];
  let registry: Uint8Array;
  let codec: Codec;
  beforeAll(async () => {
    core = await loadCore({ build });
    samples = sampleSegments(1500, 1).map((tokens) => core.fromTokens(tokens));
    registry = trainHere(core.module, samples, { id: 5 });
    codec = createCodec(core).withRegistry(registry);
  });

  function expectRoundTrip(tokens: Uint32Array): Uint8Array {
    const run = core.fromTokens(tokens);
    const frame = codec.encode(run);
    expect(frame.length).toBeLessThanOrEqual(run.varints.length + 4);
    const decoded = codec.decode(frame);
    expect(decoded.tokenCount).toBe(run.tokenCount);
    expect(Buffer.compare(decoded.varints, run.varints)).toBe(0);
    expect(Buffer.compare(codec.decodeLe32(frame), core.toLe32(run.varints))).toBe(0);
    expect(codec.hashOf(frame)).toBe(core.hash(run.varints));
    expect(Buffer.compare(codec.encode(run), frame)).toBe(0);
    return frame;
  }

  it('gives back the segments that it was trained on, and others, in fewer bytes', () => {
    const segments = sampleSegments(1900, 1);
    for (const part of [segments.slice(0, 400), segments.slice(1500)]) {
      let frames = 0;
      let varints = 0;
      for (const tokens of part) {
        frames += expectRoundTrip(tokens).length;
        varints += twin.pack(tokens).length;
      }
      expect(frames).toBeLessThan(0.8 * varints);
    }
  });

  it('decodes many frames as it does each, and tells which of them do not decode', () => {
    const next = random(8);
    const plain = createCodec(core);
    const runs = [new Uint32Array(), ...sampleSegments(900, 1), new Uint32Array(100_000).fill(9)].map(
      (tokens) => core.fromTokens(tokens),
    );
    const frames = runs.map((run, index) => (index % 50 === 0 ? plain : codec).encode(run));
    for (const form of ['varints', 'le32'] as const) {
      const decoded = codec.decodeMany(frames, form);
      expect(decoded.length).toBe(runs.length);
      decoded.forEach((bytes, index) => {
        const { varints } = runs[index]!;
        expect(Buffer.compare(bytes as Uint8Array, form === 'le32' ? core.toLe32(varints) : varints)).toBe(0);
      });
    }
    const damaged = frames.map((frame) =>
      next() < 0.2 ? frame.slice(0, Math.floor(next() * frame.length)) : frame,
    );
    const outcomes = codec.decodeMany(damaged, 'varints');
    damaged.forEach((frame, index) => {
      const outcome = outcomes[index]!;
      if (outcome instanceof Uint8Array) {
        expect(Buffer.compare(outcome, codec.decode(frame).varints)).toBe(0);
      } else {
        expect(outcome.reason).toBe('CORRUPT_SEGMENT');
        expect(() => codec.decode(frame)).toThrow(outcome.message);
      }
    });
    expect(outcomes.some((outcome) => outcome instanceof Error)).toBe(true);
    expect(codec.decodeMany([], 'le32')).toEqual([]);
  });

  it('gives back any sequence of any tokens', () => {
    const known = fc.constantFrom(...sampleSegments(20, 1).flatMap((tokens) => [...tokens]));
    const any = fc.oneof(
      known,
      fc.nat({ max: 200_000 }),
      fc.nat({ max: 0xffff_ffff }),
      fc.constant(0xffff_ffff),
    );
    const repeated = fc.tuple(fc.array(any, { maxLength: 20 }), fc.nat({ max: 30 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(any),
          repeated.map(([list, times]) => Array(times).fill(list).flat() as number[]),
        ),
        (list) => {
          expectRoundTrip(Uint32Array.from(list));
        },
      ),
      { numRuns: build === 'release' ? 1000 : 200 },
    );
  });

  it('gives back the empty sequence, runs, distinct and random tokens, and lengths around a block', () => {
    const next = random(3);
    const block = limits.codecBlockTokensMax;
    expectRoundTrip(new Uint32Array());
    for (const edge of [0, 1, 127, 128, 0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff]) {
      expectRoundTrip(Uint32Array.of(edge));
      expectRoundTrip(new Uint32Array(5000).fill(edge));
    }
    expectRoundTrip(Uint32Array.from({ length: 20_000 }, (_, index) => index));
    expectRoundTrip(Uint32Array.from({ length: 20_000 }, () => Math.floor(next() * 2 ** 32)));
    const text = sampleSegments(6000, 4).flatMap((tokens) => [...tokens]);
    for (const length of [4095, 4096, 4097, block - 1, block, block + 1, 2 * block, 2 * block + 1]) {
      expectRoundTrip(Uint32Array.from({ length }, (_, index) => text[index % text.length]!));
    }
  });

  it('keeps its memory within a bound', () => {
    const length = limits.segmentTokensMax;
    const next = random(6);
    const before = codec.registries[0]!.memoryBytes;
    for (const value of [() => 7, () => Math.floor(next() * 2 ** 32), () => Math.floor(next() * 50)]) {
      const frame = expectRoundTrip(Uint32Array.from({ length }, value));
      expect(frame.length).toBeGreaterThan(0);
    }
    expect(codec.registries[0]!.memoryBytes - before).toBeLessThan(16 * 1024 * 1024);
  });

  it('trains to the same bytes each time, and as the release build does', async () => {
    const release = await loadCore();
    expect(Buffer.compare(trainHere(core.module, samples, { id: 5 }), registry)).toBe(0);
    expect(Buffer.compare(trainHere(release.module, samples, { id: 5 }), registry)).toBe(0);
  });
});

describe('registries', () => {
  let core: TokenCore;
  let samples: TokenRun[];
  beforeAll(async () => {
    core = await loadCore();
    samples = sampleSegments(500, 1).map((tokens) => core.fromTokens(tokens));
  });

  it('are named by their frames, and each frame is decoded with its own', () => {
    const ids = [3, 127, 128, 70_000];
    const registries = ids.map((id) => trainHere(core.module, samples, { id }));
    expect(registries.map(registryIdOf)).toEqual(ids);
    let codec = createCodec(core);
    const frames = registries.map((bytes) => {
      codec = codec.withRegistry(bytes);
      return codec.encode(samples[0]!);
    });
    expect(frames.map(frameRegistryId)).toEqual(ids);
    for (const frame of frames) expect(codec.decode(frame)).toEqual(samples[0]);
    const without = codec.withoutRegistries([127]);
    expect(without.registries.map((registry) => registry.id)).toEqual([3, 128, 70_000]);
    expect(() => without.decode(frames[1]!)).toThrow(
      expect.toSatisfy((error: unknown) => isStowkenError(error, 'CORRUPT_SEGMENT')),
    );
    expect(frameRegistryId(createCodec(core).encode(samples[0]!))).toBeUndefined();
  });

  it('hold as many tokens as a tokenizer has', () => {
    const every = Uint32Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 200_000);
    const run = core.fromTokens(every);
    const codec = createCodec(core).withRegistry(trainHere(core.module, [run, run], { id: 1 }));
    for (const part of [every.subarray(0, 1000), every.subarray(150_000), every.slice().reverse()]) {
      const of = core.fromTokens(part);
      expect(Buffer.compare(codec.decode(codec.encode(of)).varints, of.varints)).toBe(0);
    }
  });

  it('train from nothing, from empty segments and from few tokens', () => {
    for (const lists of [
      [],
      [[]],
      [[1]],
      [[1, 1, 1, 1]],
      [[0xffff_ffff, 0xffff_ffff]],
      [[1, 2], [], [1, 2]],
    ]) {
      const runs = lists.map((list) => core.fromTokens(Uint32Array.from(list)));
      const codec = createCodec(core).withRegistry(trainHere(core.module, runs, { id: 1 }));
      for (const list of [[], [1], [1, 1, 1, 1, 1], [5, 0xffff_ffff, 1, 2]]) {
        const run = core.fromTokens(Uint32Array.from(list));
        expect(codec.decode(codec.encode(run))).toEqual(run);
      }
    }
  });

  it('come out of a worker thread the same, with progress, and not at all once cancelled', async () => {
    const told: number[] = [];
    const bytes = await trainRegistry(samples, { id: 9, onProgress: (done) => told.push(done) });
    expect(Buffer.compare(bytes, trainHere(core.module, samples, { id: 9 }))).toBe(0);
    expect(told.at(-1)).toBe(1);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    const aborter = new AbortController();
    const training = trainRegistry(samples, {
      id: 9,
      signal: aborter.signal,
      onProgress: () => aborter.abort(),
    });
    await expect(training).rejects.toSatisfy((error) => isStowkenError(error, 'CANCELLED'));
  });
});
