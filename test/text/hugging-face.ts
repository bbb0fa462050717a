import { createRequire } from 'node:module';

/** Parts of the package `tokenizers` that are used here. */
interface Peer {
  readonly Tokenizer: {
    fromString(json: string): {
      encodeBatch(texts: string[], options: { addSpecialTokens: boolean }): Promise<{ getIds(): number[] }[]>;
      decodeBatch(ids: number[][], skipSpecialTokens: boolean): Promise<string[]>;
    };
  };
}

// Loaded when it is used: it is a native module.
const peer = (): Peer => createRequire(import.meta.url)('tokenizers') as Peer;

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const split = (regex: string, behavior = 'Isolated', invert = false) => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior,
  invert,
});
const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });

const llama3 = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const qwen = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const gptOss = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const mistral = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const deepseekWords =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+';

/** Pre-tokenizers as they stand in the files of models. */
export const preTokenizers = {
  'Llama 3': sequence(split(llama3), byteLevel),
  Qwen: sequence(split(qwen), byteLevel),
  'gpt-oss': sequence(split(gptOss), byteLevel),
  'GPT-4o, converted': sequence(split(gptOss, 'Removed', true), byteLevel),
  'Mistral Nemo': sequence(split(mistral), byteLevel),
  'DeepSeek V3': sequence(split('\\p{N}{1,3}'), split('[一-龥぀-ゟ゠-ヿ]+'), split(deepseekWords), byteLevel),
  'GPT-2': { ...byteLevel, use_regex: true },
} as const;

export interface AddedJson {
  readonly id: number;
  readonly content: string;
  readonly normalized: boolean;
  readonly special: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

/** Returns added tokens as a file has them. */
export function asInFile(added: readonly AddedJson[]) {
  return added.map((token) => ({ single_word: false, lstrip: false, rstrip: false, ...token }));
}

/** Parts of a tokenizer.json that a test chooses. */
export interface TokenizerParts {
  /** Tokens after those of the single bytes, as they are merged: each of two earlier ones. */
  readonly merges: readonly (readonly [string, string])[];
  /** Tokens that no merge makes. */
  readonly unmade?: readonly string[];
  readonly preTokenizer: object;
  readonly ignoreMerges?: boolean;
  readonly nfc?: boolean;
  readonly added?: readonly AddedJson[];
}

/** Letters of the byte-level alphabet by their bytes, written out by itself. */
const letterOfByte: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPlain = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(isPlain ? byte : next++);
  });
})();

/** Writes bytes in the byte-level alphabet. */
export function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => letterOfByte[byte]).join('');
}

/** Returns a tokenizer.json. Ids do not follow the order of the merges: later merges have smaller ones. */
export function tokenizerJson(parts: TokenizerParts) {
  const { merges, unmade = [], preTokenizer, ignoreMerges = false, nfc = false, added = [] } = parts;
  const made = [...new Set([...unmade, ...merges.map((pair) => pair.join('')).reverse()])];
  const tokens = [...letterOfByte, ...made.filter((token) => token.length > 1)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: asInFile(added),
    normalizer: nfc ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}

/** Encodes texts with Hugging Face's own tokenizers. */
export async function encodeByPeer(json: object, texts: readonly string[]): Promise<number[][]> {
  const tokenizer = peer().Tokenizer.fromString(JSON.stringify(json));
  const encoded = await tokenizer.encodeBatch([...texts], { addSpecialTokens: false });
  return encoded.map((each) => each.getIds());
}

/** Decodes tokens with Hugging Face's own tokenizers, special ones too. */
export async function decodeByPeer(json: object, ids: readonly number[][]): Promise<string[]> {
  return peer()
    .Tokenizer.fromString(JSON.stringify(json))
    .decodeBatch([...ids], false);
}
