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

  /** Returns the text in the form in which it is searched, with the same offsets. */
  fold(text: string): string {
    return this.options.ignoreCase ? foldCase(text) : text;
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

/** Folds the case of each character by itself, and only where its length stays: offsets must. */
function foldCase(text: string): string {
  return text.replace(/[A-Z]+|[^\0-\x7f]/gu, (some) => {
    const folded = some.toUpperCase().toLowerCase();
    return folded.length === some.length ? folded : some;
  });
}
