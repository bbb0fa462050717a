import type { SearchHit } from './generated/responses.js';

/** A part of a message's text, with the places that were found in it. No part of this needs a browser. */
export interface Extract {
  /** Offset in the message, in code points. */
  readonly from: number;
  /** Pieces of the text in turn: every second one is a place that was found. */
  readonly pieces: readonly string[];
  readonly hits: number;
  /** True if text of the message comes before, or behind. */
  readonly isCutBefore: boolean;
  readonly isCutBehind: boolean;
}

type Hit = Pick<SearchHit, 'text_offset' | 'snippet' | 'snippet_offset' | 'snippet_ends_message'>;

/**
 * Joins the snippets of hits in one message, from its beginning, where they overlap or touch. `length`: code
 * points of the text that was looked for.
 */
export function extractsOf(hits: readonly Hit[], length: number): Extract[] {
  const groups: { from: number; text: string[]; hits: Hit[] }[] = [];
  for (const hit of hits) {
    const from = Number(hit.text_offset) - hit.snippet_offset;
    const text = [...hit.snippet];
    const last = groups.at(-1);
    const end = last ? last.from + last.text.length : -1;
    if (last && from <= end) {
      last.text.push(...text.slice(end - from));
      last.hits.push(hit);
    } else groups.push({ from, text, hits: [hit] });
  }
  return groups.map(({ from, text, hits: own }) => {
    const pieces: string[] = [];
    let done = 0;
    for (const { text_offset } of own) {
      const at = Number(text_offset) - from;
      pieces.push(text.slice(done, at).join(''), text.slice(at, at + length).join(''));
      done = at + length;
    }
    pieces.push(text.slice(done).join(''));
    const isCutBehind = !own.at(-1)!.snippet_ends_message;
    return { from, pieces, hits: own.length, isCutBefore: from > 0, isCutBehind };
  });
}
