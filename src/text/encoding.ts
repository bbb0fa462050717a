import type { GptEncoding } from 'gpt-tokenizer/GptEncoding';
import type { EncodingName } from './names.js';

/** Special-token text is ordinary text: nothing is disallowed, and nothing becomes a special token. */
const asOrdinaryText = { disallowedSpecial: new Set<string>() };

/** A tokenizer with its tables, for the thread that loaded it. */
export class Encoding {
  private readonly bytesOfToken = new Map<number, Uint8Array>();
  private readonly utf8 = new TextEncoder();

  constructor(
    private readonly api: GptEncoding,
    /** Text or UTF-8 bytes of every ordinary token, by id. */
    private readonly ranks: readonly (string | readonly number[] | undefined)[],
  ) {}

  /** Little-endian words; the buffer is the caller's. */
  encode(text: string): Uint8Array {
    // Piece by piece: the library's one-call form overflows the stack on a piece of 100,000 tokens.
    let tokens = new Uint32Array(16 + (text.length >> 1));
    let count = 0;
    for (const piece of this.api.encodeGenerator(text, asOrdinaryText)) {
      if (count + piece.length > tokens.length) {
        const grown = new Uint32Array(Math.max(tokens.length * 2, count + piece.length));
        grown.set(tokens);
        tokens = grown;
      }
      for (const token of piece) tokens[count++] = token;
    }
    return new Uint8Array(tokens.buffer.slice(0, count * 4));
  }

  /**
   * The UTF-8 bytes of tokens. Done here and not by the library's decode, which drops a byte order mark.
   * Returns a token that the tokenizer does not have as `unknownToken`.
   */
  bytes(tokens: Uint32Array): { bytes: Uint8Array; ends: Uint32Array } | { unknownToken: number } {
    let bytes = new Uint8Array(tokens.length * 4 + 16);
    const ends = new Uint32Array(tokens.length);
    let length = 0;
    for (let i = 0; i < tokens.length; i++) {
      const piece = this.tokenBytes(tokens[i]!);
      if (piece === undefined) return { unknownToken: tokens[i]! };
      if (length + piece.length > bytes.length) {
        const grown = new Uint8Array(Math.max(bytes.length * 2, length + piece.length));
        grown.set(bytes);
        bytes = grown;
      }
      bytes.set(piece, length);
      length += piece.length;
      ends[i] = length;
    }
    return { bytes: bytes.subarray(0, length), ends };
  }

  private tokenBytes(token: number): Uint8Array | undefined {
    const known = this.bytesOfToken.get(token);
    if (known !== undefined) return known;
    const bytes = this.lookUp(token);
    if (bytes !== undefined) this.bytesOfToken.set(token, bytes);
    return bytes;
  }

  private lookUp(token: number): Uint8Array | undefined {
    const ordinary = this.ranks[token];
    if (typeof ordinary === 'string') return this.utf8.encode(ordinary);
    if (ordinary !== undefined) return Uint8Array.from(ordinary);
    try {
      return this.utf8.encode(this.api.decode([token])); // a special token's text
    } catch {
      return undefined;
    }
  }
}

const ranksOf: Readonly<Record<EncodingName, string>> = {
  gpt2: 'r50k_base',
  r50k_base: 'r50k_base',
  p50k_base: 'p50k_base',
  p50k_edit: 'p50k_base',
  cl100k_base: 'cl100k_base',
  o200k_base: 'o200k_base',
  o200k_harmony: 'o200k_base',
};

const loaded = new Map<EncodingName, Promise<Encoding>>();

/** Loads an encoding's tables once; they stay. */
export function loadEncoding(name: EncodingName): Promise<Encoding> {
  let encoding = loaded.get(name);
  if (encoding === undefined) {
    encoding = load(name);
    loaded.set(name, encoding);
  }
  return encoding;
}

async function load(name: EncodingName): Promise<Encoding> {
  const [api, ranks] = (await Promise.all([
    import(`gpt-tokenizer/encoding/${name}`),
    import(`gpt-tokenizer/bpeRanks/${ranksOf[name]}`),
  ])) as [{ default: GptEncoding }, { default: readonly (string | readonly number[] | undefined)[] }];
  return new Encoding(api.default, ranks.default);
}
