/** Tokens as the page shows them. No part of this needs a browser. */

/** Tokens that make whole characters together: mostly one. */
export interface Piece {
  readonly text: string;
  readonly ids: readonly number[];
}

/** Reads 4-byte little-endian words of base64. */
export function idsOf(base64: string): number[] {
  const text = atob(base64);
  const view = new DataView(Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer);
  return Array.from({ length: view.byteLength >> 2 }, (_, index) => view.getUint32(4 * index, true));
}

/**
 * Splits a text at the ends of its tokens, in bytes of UTF-8. Tokens that end inside a character are in one
 * piece with those that complete it.
 */
export function piecesOf(text: string, ids: readonly number[], ends: readonly number[]): Piece[] {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const pieces: Piece[] = [];
  let from = 0;
  let open: number[] = [];
  for (const [index, id] of ids.entries()) {
    open.push(id);
    const end = ends[index]!;
    const isInside = end < bytes.length && (bytes[end]! & 0xc0) === 0x80;
    // A token whose bytes are only the first ones of a character shows with the next token.
    if (isInside) continue;
    pieces.push({ text: decoder.decode(bytes.subarray(from, end)), ids: open });
    from = end;
    open = [];
  }
  return pieces;
}

/** A part of a message: so many tokens from an offset. */
export interface Window {
  readonly from: number;
  readonly count: number;
}

/**
 * Returns how many messages to read from a place on: as many as have so many tokens together, and at least
 * one.
 */
export function windowFrom(
  tokenCounts: readonly number[],
  from: number,
  tokensMax: number,
  countMax: number,
): Window {
  let count = 0;
  for (let tokens = 0; from + count < tokenCounts.length && count < countMax; count += 1) {
    tokens += tokenCounts[from + count]!;
    if (count > 0 && tokens > tokensMax) break;
  }
  return { from, count };
}
