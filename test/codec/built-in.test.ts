import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCodec, frameRegistryId, trainHere, type Codec } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import type { TokenRun } from '../../src/model/index.js';
import { decodeBlock } from '../twin/frame.js';
import { readRegistry } from '../twin/registry.js';
import { sampleSegments } from './samples.js';

const texts = {
  prose:
    'The server could not find the file that you asked for. Please check the name and try again, or ask us.',
  code: 'def read(path):\n    with open(path) as file:\n        return [line.strip() for line in file if line]\n',
  chinese: '我觉得这个问题很重要，但是我们现在没有时间讨论。你可以明天再来吗？',
};
const folder = join(import.meta.dirname, '..', '..', 'registry-0');

describe('the built-in registry', () => {
  let core: TokenCore;
  let cold: Codec;
  let runs: TokenRun[];
  beforeAll(async () => {
    core = await loadCore();
    cold = createCodec(core);
    runs = Object.values(texts).map((text) => core.fromTokens(Uint32Array.from(encode(text))));
  });

  it('never changes', () => {
    const hash = createHash('sha256')
      .update(readFileSync(join(folder, 'registry.bin')))
      .digest('hex');
    expect(hash).toBe('5750ef107e80d16906ff4511ffeccbfe80594a0911c3505be423a4ae780460b7');
  });

  it('codes text of several kinds in a vault that has no registry yet', () => {
    for (const run of runs) {
      const frame = cold.encode(run);
      expect(frame.length).toBeLessThan(0.75 * run.varints.length);
      expect(frameRegistryId(frame)).toBeUndefined();
      expect(cold.decode(frame)).toEqual(run);
      expect(cold.decodeMany([frame, frame], 'varints')).toEqual([run.varints, run.varints]);
      expect(cold.hashOf(frame)).toBe(core.hash(run.varints));
    }
    expect(cold.registries).toEqual([]);
  });

  it('codes long segments, block by block', () => {
    const tokens = Uint32Array.from({ length: 70_000 }, (_, i) => core.toTokens(runs[0]!.varints)[i % 20]!);
    const run = core.fromTokens(tokens);
    const frame = cold.encode(run);
    expect(frameRegistryId(frame)).toBeUndefined();
    expect(cold.decode(frame)).toEqual(run);
  });

  it('is a registry as any other: the twin reads its frames', () => {
    const twin = readRegistry(new Uint8Array(readFileSync(join(folder, 'registry.bin'))));
    for (const run of runs) {
      expect(decodeBlock(twin, cold.encode(run).subarray(1))).toEqual([...core.toTokens(run.varints)]);
    }
  });

  it('leaves the frames readable when the vault gets a registry, which is then used', () => {
    const frames = runs.map(cold.encode);
    const samples = sampleSegments(200, 1).map((tokens) => core.fromTokens(tokens));
    const trained = cold.withRegistry(trainHere(core.module, samples, { id: 1 }));
    expect(frames.map((frame) => trained.decode(frame))).toEqual(runs);
    expect(frameRegistryId(trained.encode(samples[0]!))).toBe(1);
  });

  it('belongs to no vault', () => {
    const bytes = new Uint8Array(readFileSync(join(folder, 'registry.bin')));
    expect(() => cold.withRegistry(bytes)).toThrow(expect.objectContaining({ reason: 'CORRUPT_STORE' }));
  });
});
