import { describe, expect, it } from 'vitest';
import { extractsOf } from '../../src/page/browser/extracts.js';

/** Returns a hit in a text, with so many characters around it. */
function hitAt(text: string, offset: number, length: number, around: number) {
  const points = [...text];
  const [from, to] = [Math.max(0, offset - around), Math.min(points.length, offset + length + around)];
  return {
    text_offset: String(offset),
    snippet: points.slice(from, to).join(''),
    snippet_offset: offset - from,
    snippet_ends_message: to === points.length,
  };
}

describe('the extracts of a message', () => {
  const text = '🎉 tea, Tea and more 🍵 tea; then coffee, and at the end tea';
  const places = [2, 7, 22, [...text].length - 3];

  it('are its snippets, with those together that overlap or touch, and each place marked', () => {
    const hits = places.map((at) => hitAt(text, at, 3, 7));
    expect(extractsOf(hits, 3)).toEqual([
      {
        from: 0,
        pieces: ['🎉 ', 'tea', ', ', 'Tea', ' and more 🍵 ', 'tea', '; then '],
        hits: 3,
        isCutBefore: false,
        isCutBehind: true,
      },
      { from: 48, pieces: ['he end ', 'tea', ''], hits: 1, isCutBefore: true, isCutBehind: false },
    ]);
  });

  it('are one for each place where snippets are short, and none without a place', () => {
    const hits = places.map((at) => hitAt(text, at, 3, 0));
    expect(extractsOf(hits, 3).map(({ pieces }) => pieces)).toEqual([
      ['', 'tea', ''],
      ['', 'Tea', ''],
      ['', 'tea', ''],
      ['', 'tea', ''],
    ]);
    expect(extractsOf([], 3)).toEqual([]);
  });
});
