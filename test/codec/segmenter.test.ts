import { beforeAll, describe, expect, it } from 'vitest';
import { createSegmenter, segmentSizes, type Segmenter } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import type { TokenRun } from '../../src/model/index.js';
import { random } from './samples.js';

describe.each(['release', 'debug'] as const)('the segmenter, in the %s build', (build) => {
  let core: TokenCore;
  let segmenter: Segmenter;
  beforeAll(async () => {
    core = await loadCore({ build });
    segmenter = createSegmenter(core);
  });

  const next = random(11);
  const text = (length: number) => Uint32Array.from({ length }, () => Math.floor(200_000 ** next()));
  const joined = (segments: readonly TokenRun[]) => Buffer.concat(segments.map((segment) => segment.varints));

  it('keeps every token, and its sizes', () => {
    const { min, max, whole } = segmentSizes;
    for (const length of [0, 1, whole, whole + 1, max, max + 1, 20_000, 300_000]) {
      const run = core.fromTokens(text(length));
      const segments = segmenter.cut(run);
      expect(Buffer.compare(joined(segments), run.varints)).toBe(0);
      for (const segment of segments) expect(core.countTokens(segment.varints)).toBe(segment.tokenCount);
      if (length <= whole) expect(segments.length).toBe(length === 0 ? 0 : 1);
      else
        for (const segment of segments.slice(0, -1)) expect(segment.tokenCount).toBeGreaterThanOrEqual(min);
      for (const segment of segments) expect(segment.tokenCount).toBeLessThanOrEqual(Math.max(max, whole));
    }
  });

  it('cuts equal tokens at the maximum', () => {
    const { max } = segmentSizes;
    const segments = segmenter.cut(core.fromTokens(new Uint32Array(10 * max).fill(7)));
    expect(segments.length).toBeLessThanOrEqual(10 * max);
    expect(new Set(segments.map((segment) => segment.tokenCount)).size).toBe(1);
  });

  it('finds a document again in other surroundings', () => {
    const document = text(200_000);
    const first = segmenter.cut(core.fromTokens(document));
    const around = Uint32Array.from([...text(3_333), ...document, ...text(2_222)]);
    const names = new Set(
      segmenter.cut(core.fromTokens(around)).map((segment) => core.hash(segment.varints)),
    );
    const found = first.filter((segment) => names.has(core.hash(segment.varints)));
    const tokens = found.reduce((sum, segment) => sum + segment.tokenCount, 0);
    expect(tokens).toBeGreaterThan(0.8 * document.length);
  });
});
