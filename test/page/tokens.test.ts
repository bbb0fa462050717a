import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsOf, piecesOf, windowFrom } from '../../src/page/browser/tokens.js';

describe('the pieces of a text', () => {
  it('are its tokens, with those together that share a character', () => {
    const text = 'a é🎉!';
    expect(piecesOf(text, [1, 2, 3, 4, 5, 6], [1, 2, 4, 6, 8, 9])).toEqual([
      { text: 'a', ids: [1] },
      { text: ' ', ids: [2] },
      { text: 'é', ids: [3] },
      { text: '🎉', ids: [4, 5] },
      { text: '!', ids: [6] },
    ]);
  });

  it('are the whole text and all tokens together, wherever the tokens end', () => {
    const cut = fc.tuple(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.infiniteStream(fc.nat({ max: 3 })),
    );
    fc.assert(
      fc.property(cut, ([text, steps]) => {
        const size = Buffer.byteLength(text);
        const ends: number[] = [];
        for (let at = 0; at < size;) {
          at = Math.min(size, at + 1 + (steps.next().value as number));
          ends.push(at);
        }
        const ids = ends.map((_, index) => index);
        const pieces = piecesOf(text, ids, ends);
        expect(pieces.map((piece) => piece.text).join('')).toBe(text);
        expect(pieces.flatMap((piece) => piece.ids)).toEqual(ids);
      }),
    );
  });

  it('have ids of 32 bits', () => {
    const ids = [0, 1, 0xffff_ffff];
    expect(idsOf(Buffer.from(Uint32Array.from(ids).buffer).toString('base64'))).toEqual(ids);
    expect(idsOf('')).toEqual([]);
  });
});

describe('the messages that are read at once', () => {
  it('have so many tokens together, or are one', () => {
    const counts = [5, 5, 5, 100, 5];
    expect(windowFrom(counts, 0, 10, 50)).toEqual({ from: 0, count: 2 });
    expect(windowFrom(counts, 0, 10, 1)).toEqual({ from: 0, count: 1 });
    expect(windowFrom(counts, 3, 10, 50)).toEqual({ from: 3, count: 1 });
    expect(windowFrom(counts, 4, 10, 50)).toEqual({ from: 4, count: 1 });
    expect(windowFrom(counts, 5, 10, 50)).toEqual({ from: 5, count: 0 });
  });
});
