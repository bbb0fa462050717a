import { type CaseVariants, foldCase } from '../../text/index.js';

/** Text to look for. */
export interface NeedleOptions {
  readonly text: string;
  readonly ignoreCase: boolean;
  readonly wholeWords: boolean;
}

const wordCharacter = /[\p{L}\p{M}\p{N}_]/u;

/** Finds a text in others, as the contract of SearchConversations says. */
export class Needle {
  /** Length in UTF-16 units, of the text and of each place where it is found. */
  readonly length: number;
  private readonly folded: string;

  constructor(private readonly options: NeedleOptions) {
    this.folded = options.ignoreCase ? foldCase(options.text) : options.text;
    this.length = this.folded.length;
  }

  get ignoresCase(): boolean {
    return this.options.ignoreCase;
  }

  /** Returns the text in the form in which it is searched, with the same offsets. */
  fold(text: string): string {
    return this.options.ignoreCase ? foldCase(text) : text;
  }

  /**
   * Returns, for each character of the text, the characters that are taken for it. Returns undefined for a
   * text that may be found where its bytes are not: U+FFFD stands for bytes that are no text.
   */
  characters(variants: CaseVariants): readonly (readonly string[])[] | undefined {
    if (/[\ufffd\p{Surrogate}]/u.test(this.folded)) return undefined;
    return Array.from(this.folded, (character) =>
      this.options.ignoreCase ? [character, ...(variants.get(character) ?? [])] : [character],
    );
  }

  /** Returns the offset of the first place at or behind `from`, in UTF-16 units; -1 if there is none. */
  find(folded: string, from: number): number {
    for (let at = folded.indexOf(this.folded, from); at >= 0; at = folded.indexOf(this.folded, at + 1)) {
      if (!this.options.wholeWords || this.isWord(folded, at)) return at;
    }
    return -1;
  }

  private isWord(text: string, at: number): boolean {
    const before = text.slice(Math.max(0, at - 2), at);
    const behind = text.slice(at + this.length, at + this.length + 2);
    return !wordCharacter.test(lastCharacter(before)) && !wordCharacter.test(firstCharacter(behind));
  }
}

function firstCharacter(text: string): string {
  return text === '' ? '' : String.fromCodePoint(text.codePointAt(0)!);
}

function lastCharacter(text: string): string {
  const isPair = /[\ud800-\udbff][\udc00-\udfff]$/.test(text);
  return text.slice(isPair ? -2 : -1);
}
