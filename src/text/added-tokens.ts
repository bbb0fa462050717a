import { beginOfBlanks, endOfBlanks } from './blanks.js';
import { withMarks } from './space-marks.js';
import type { AddedToken, Vocabulary } from './vocabulary.js';

/** A stretch of a text: an added token, or what is between two of them. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Undefined for text. */
  readonly token: number | undefined;
}

/** Returns the added tokens of a vocabulary, and its special ones, as far as they have a text. */
function allAdded({ added = [], special, starts, characters }: Vocabulary): readonly AddedToken[] {
  if (characters !== undefined) return added;
  const known = new Set(added.map(({ id }) => id));
  const others = special
    .filter((id) => !known.has(id))
    .map((id) => ({ id, normalized: false, special: true }));
  return [...added, ...others].filter(({ id }) => starts[id + 1]! > starts[id]!);
}

/**
 * Returns the texts of added tokens that a text has where it does not come back: beside them blanks are left
 * out, or put in, or they are written in another form than that which they are found in.
 */
export function changingTexts({ added = [], characters, bytes, starts, nfc = false }: Vocabulary): string[] {
  const prefix = characters?.prefix ?? 'none';
  const putsIn = prefix === 'each' || prefix === 'missing';
  return added.flatMap(({ id, normalized, lstrip, rstrip, marks = false }) => {
    const token = bytes.subarray(starts[id], starts[id + 1]);
    // The vocabulary has the space that is put before it.
    const own = normalized && prefix === 'each' ? token.subarray(1) : token;
    const spaced = Buffer.from(own).toString();
    const written = marks ? Buffer.from(withMarks(own)).toString() : spaced;
    const found = nfc && normalized ? written.normalize('NFC') : written;
    if (!putsIn && !lstrip && !rstrip && found === written) return [];
    // Spaces of a text may stand for its marks.
    return marks && normalized ? [found, spaced] : [found];
  });
}

/** Tokens by their bytes: a node for each beginning of one. */
interface Node {
  readonly next: Map<number, Node>;
  token: AddedToken | undefined;
}

const newNode = (): Node => ({ next: new Map(), token: undefined });

/**
 * Finds added tokens in a text as Hugging Face's tokenizers do: the leftmost first, the longest of those that
 * begin there. A special token stays text unless it is asked for, and hides what overlaps it.
 */
export class AddedTokens {
  readonly #root = newNode();
  /** 1 for a byte with which a token begins. */
  readonly #begins = new Uint8Array(256);

  private constructor(
    tokens: readonly AddedToken[],
    textOf: (token: AddedToken) => Uint8Array,
    /** True: text becomes special tokens too. */
    private readonly specials: boolean,
    /** True: spaces are blanks, which some tokens take; false: they stand for U+2581. */
    private readonly spaces: boolean,
  ) {
    for (const token of tokens) {
      const text = textOf(token);
      this.#begins[text[0]!] = 1;
      let node = this.#root;
      for (const byte of text) {
        let next = node.next.get(byte);
        if (next === undefined) node.next.set(byte, (next = newNode()));
        node = next;
      }
      node.token ??= token;
    }
  }

  /**
   * Returns those that are looked for before, or after, normalization; undefined if text becomes none of
   * them. `specials`: text becomes special tokens too.
   */
  static of(
    vocabulary: Vocabulary,
    normalized: boolean,
    normalize: (text: Uint8Array) => Uint8Array,
    specials: boolean,
  ): AddedTokens | undefined {
    const { bytes, starts } = vocabulary;
    const tokens = (specials ? allAdded(vocabulary) : (vocabulary.added ?? [])).filter(
      (token) => token.normalized === normalized,
    );
    if (specials ? tokens.length === 0 : tokens.every(({ special }) => special)) return undefined;
    const textOf = ({ id, marks = false }: AddedToken) => {
      const token = bytes.subarray(starts[id], starts[id + 1]);
      const text = marks ? withMarks(token) : token;
      return normalized ? normalize(text) : text;
    };
    return new AddedTokens(tokens, textOf, specials, !normalized || vocabulary.characters === undefined);
  }

  /**
   * Yields the stretches of a text in UTF-8, in order; none is empty. A token that takes the blanks beside it
   * is as long as they make it; blanks that the one before has taken are left to that.
   */
  *stretches(text: Uint8Array): Generator<Stretch, void, void> {
    let from = 0;
    let at = 0;
    // Place that blanks go up to. They may be tokens themselves, each of which takes the same ones.
    let blanksTo = 0;
    while (at < text.length) {
      const found = this.#begins[text[at]!] === 1 ? this.#longest(text, at) : undefined;
      if (found === undefined) {
        at++;
        continue;
      }
      const { token, to } = found;
      if (this.specials || !token.special) {
        const begin = token.lstrip ? Math.max(from, beginOfBlanks(text, from, at, this.spaces)) : at;
        if (token.rstrip && to > blanksTo) blanksTo = endOfBlanks(text, to, this.spaces);
        const end = token.rstrip ? blanksTo : to;
        if (begin > from) yield { from, to: begin, token: undefined };
        yield { from: begin, to: end, token: token.id };
        from = end;
      }
      at = to;
    }
    if (text.length > from) yield { from, to: text.length, token: undefined };
  }

  #longest(text: Uint8Array, from: number): { token: AddedToken; to: number } | undefined {
    let found: { token: AddedToken; to: number } | undefined;
    let node = this.#root.next.get(text[from]!);
    for (let at = from + 1; node !== undefined; at++) {
      if (node.token !== undefined) found = { token: node.token, to: at };
      node = at < text.length ? node.next.get(text[at]!) : undefined;
    }
    return found;
  }
}
