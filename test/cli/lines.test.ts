import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from '../../src/cli/jsonl/read-lines.js';

async function split(chunks: readonly Buffer[], lineBytesMax = 1000) {
  const lines: (string | undefined)[] = [];
  const source = (async function* () {
    yield* chunks;
  })();
  for await (const { number, bytes } of splitLines(source, lineBytesMax)) {
    lines.push(bytes?.toString());
    expect(number).toBe(lines.length);
  }
  return lines;
}

describe('splitLines', () => {
  it('finds the same lines wherever the chunks end', async () => {
    const chunk = fc.stringMatching(/^[ab\n]{0,6}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(chunk), async (chunks) => {
        const expected = chunks.join('').split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(await split(chunks.map((text) => Buffer.from(text)))).toEqual(expected);
      }),
    );
  });

  it('passes over a line that is too long, and goes on', async () => {
    const chunks = ['ab', 'cd', 'e\nabcd\nabcd', 'e'].map((text) => Buffer.from(text));
    expect(await split(chunks, 4)).toEqual([undefined, 'abcd', undefined]);
  });
});
