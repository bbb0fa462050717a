import type { AddedToken, Vocabulary } from './vocabulary.js';

/** A stretch of a text: an added token, or what is between two of them. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Undefined for text. */
  readonly token: number | undefined;
}

/** Tokens by their bytes: a node for each beginning of one. */
interface Node {
  readonly next: Map<number, Node>;
  token: AddedToken | undefined;
}

const newNode = (): Node => ({ next: new Map(), token: undefined });

/**
 * Finds added tokens in a text as Hugging Face's tokenizers do: the leftmost first, the longest of those that
 * begin there. A special token stays text, and hides what overlaps it.
 */
export class AddedTokens {
  readonly #root = newNode();
  /** 1 for a byte with which a token begins. */
  readonly #begins = new Uint8Array(256);

  private constructor(tokens: readonly AddedToken[], textOf: (token: AddedToken) => Uint8Array) {
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
   * them.
   */
  static of(
    { added = [], bytes, starts }: Vocabulary,
    normalized: boolean,
    normalize: (text: Uint8Array) => Uint8Array,
  ): AddedTokens | undefined {
    const tokens = added.filter((token) => token.normalized === normalized);
    if (tokens.every(({ special }) => special)) return undefined;
    return new AddedTokens(tokens, ({ id }) => {
      const text = bytes.subarray(starts[id], starts[id + 1]);
      return normalized ? normalize(text) : text;
    });
  }

  /** Yields the stretches of a text in UTF-8, in order; none is empty. */
  *stretches(text: Uint8Array): Generator<Stretch, void, void> {
    let from = 0;
    let at = 0;
    while (at < text.length) {
      const found = this.#begins[text[at]!] === 1 ? this.#longest(text, at) : undefined;
      if (found === undefined) {
        at++;
        continue;
      }
      const { token, to } = found;
      if (!token.special) {
        if (at > from) yield { from, to: at, token: undefined };
        yield { from: at, to, token: token.id };
        from = to;
      }
      at = to;
    }
    if (at > from) yield { from, to: at, token: undefined };
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
