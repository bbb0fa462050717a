import type { Needle } from './needle.js';

/** A place in a text. */
export interface TextHit {
  /** In code points. */
  readonly offset: number;
  readonly snippet: string;
  /** Offset of the place in the snippet, in code points. */
  readonly snippetOffset: number;
  /** True if no text follows the snippet. */
  readonly snippetEndsText: boolean;
}

/** A hit, and its message. */
export interface SearchHit extends TextHit {
  readonly conversationId: string;
  readonly revision: number;
  readonly messageIndex: number;
  readonly role: string;
}

/** Characters of a snippet before the place, and behind its end, in UTF-16 units. */
const aroundUnits = 40;

/**
 * Searches one text that comes in pieces, and holds no more of it than a piece, the needle and a snippet's
 * surroundings. Places do not overlap.
 */
export class TextSearch {
  readonly hits: TextHit[] = [];
  private text = '';
  private folded = '';
  /** Code points before `text`. */
  private before = 0;
  /** Offset in `text` at which the search goes on. */
  private from = 0;

  constructor(
    private readonly needle: Needle,
    /** Hits before this offset are left out, and of the others no more than `hitsMax` are kept. */
    private readonly fromOffset: number,
    private readonly hitsMax: number,
  ) {}

  push(piece: string): void {
    this.text += piece;
    this.folded += this.needle.fold(piece);
    // The text behind a place decides whether it is a word, and is in its snippet.
    this.search(this.text.length - this.needle.length - aroundUnits);
    const cut = this.cutBefore(Math.min(this.from, this.text.length) - aroundUnits);
    this.before += codePoints(this.text.slice(0, cut));
    this.text = this.text.slice(cut);
    this.folded = this.folded.slice(cut);
    this.from -= cut;
  }

  /** Returns the hits: no more text follows. */
  finish(): readonly TextHit[] {
    this.search(this.text.length);
    return this.hits;
  }

  /** Finds the places that begin before `end`. */
  private search(end: number): void {
    let counted = 0;
    let points = this.before;
    while (this.hits.length < this.hitsMax && this.from < end) {
      const at = this.needle.find(this.folded, this.from);
      if (at < 0 || at >= end) break;
      points += codePoints(this.text.slice(counted, at));
      counted = at;
      if (points >= this.fromOffset) this.hits.push({ offset: points, ...this.snippet(at) });
      this.from = at + this.needle.length;
    }
    this.from = Math.max(this.from, Math.min(end, this.text.length));
  }

  private snippet(at: number): Omit<TextHit, 'offset'> {
    const begin = this.cutBefore(at - aroundUnits);
    const end = this.cutBefore(at + this.needle.length + aroundUnits);
    return {
      snippet: this.text.slice(begin, end),
      snippetOffset: codePoints(this.text.slice(begin, at)),
      // While more text may come, places are found only where more follows them than a snippet has.
      snippetEndsText: end === this.text.length,
    };
  }

  /** Returns an offset at or before this one that splits no pair of surrogates. */
  private cutBefore(offset: number): number {
    const at = Math.min(Math.max(0, offset), this.text.length);
    return at > 0 && at < this.text.length && isLow(this.text.charCodeAt(at)) ? at - 1 : at;
  }
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Counts the code points of well-formed text. */
function codePoints(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) if (isLow(text.charCodeAt(at))) count--;
  return count;
}
