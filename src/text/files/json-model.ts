import { z } from 'zod';
import { limits } from '../../model/index.js';
import { type AddedToken, mergeWords, type Vocabulary } from '../vocabulary.js';

/** Length of a token, in bytes, that a vocabulary's file has room for. */
const tokenBytesMax = 0xffff;

export const expected =
  'a BPE tokenizer is expected: ByteLevel, as Llama 3, Qwen, DeepSeek, gpt-oss and Mistral Nemo have, or with ' +
  'byte_fallback, as Gemma, Llama 2 and Mistral 7B have';

/** Parts of the file that have no type are refused by their own functions, in words. */
const schema = z.object({
  added_tokens: z
    .array(
      z.object({
        id: z.int().min(0).lt(limits.vocabularyTokensMax),
        content: z.string().min(1),
        single_word: z.boolean().default(false),
        lstrip: z.boolean().default(false),
        rstrip: z.boolean().default(false),
        normalized: z.boolean(),
        special: z.boolean(),
      }),
    )
    .nullish(),
  normalizer: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  decoder: z.unknown().optional(),
  model: z.object({
    type: z.string().optional(),
    dropout: z.number().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    ignore_merges: z.boolean().nullish(),
    byte_fallback: z.boolean().nullish(),
    // Its tokens and merges are checked as they are read: a schema would check each of them first.
    vocab: z.custom<Readonly<Record<string, unknown>>>(
      (vocab) => typeof vocab === 'object' && vocab !== null,
      'token ids are expected, by their letters',
    ),
    merges: z.custom<readonly (string | readonly string[])[]>(
      (merges) => Array.isArray(merges),
      'a list of pairs is expected',
    ),
  }),
});

export type TokenizerJson = z.infer<typeof schema>;

/** Refusal of a kind of tokenizer.json that has no encoder here. */
export class NoEncoder extends Error {}

/** A tokenizer whose tokens merges may not make; see TextCore.unmade(). */
export interface ReadTokenizer {
  readonly vocabulary: Vocabulary;
  /** True if a piece becomes a token as a whole, whether merges make that token or not. */
  readonly ignoresMerges: boolean;
}

/** @throws Error that says what was expected */
export function parseTokenizerJson(text: string): TokenizerJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON (${(error as Error).message})`, { cause: error });
  }
  const kind = kindOfModel((json as { model?: unknown } | null)?.model);
  if (kind !== undefined && kind !== 'BPE')
    throw new NoEncoder(
      `its model is ${kindOf({ type: kind })}; ${expected}. Token ids are stored under any name: encode with the ` +
        "model's own library, and store its tokens instead of text",
    );
  return checked(schema, json, `; ${expected}`);
}

/** Returns the type of a model; older files do not name it. */
export function kindOfModel(model: unknown): unknown {
  if (typeof model !== 'object' || model === null) return undefined;
  const { type, vocab, merges } = model as Readonly<Record<string, unknown>>;
  if (type !== undefined || merges !== undefined || typeof vocab !== 'object') return type;
  if (Array.isArray(vocab)) return 'Unigram';
  return Object.hasOwn(model, 'continuing_subword_prefix') ? 'WordPiece' : 'WordLevel';
}

/** Returns a file that its schema takes. @throws Error that names the first field which it does not take */
export function checked<T>(of: z.ZodType<T>, json: unknown, more = ''): T {
  const result = of.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new Error(`it is no tokenizer.json: ${path.join('.')}: ${message}${more}`);
}

export function checkModel(model: TokenizerJson['model']): void {
  if (model.dropout) throw new Error('its merges are dropped at random (dropout): no text has fixed ids');
  // The library ends the process for some files that have a prefix.
  if (model.continuing_subword_prefix) throw new Error(`its tokens have a prefix within words; ${expected}`);
  if (model.end_of_word_suffix) throw new NoEncoder(`its tokens have a suffix within words; ${expected}`);
}

/** Returns the rules by which a text becomes an added token. @throws Error for one that has others */
export function addedToken({
  id,
  content,
  normalized,
  special,
  lstrip,
  rstrip,
  ...entry
}: AddedEntry): AddedToken {
  // The characters that make words vary with the version of Unicode.
  if (entry.single_word)
    throw new NoEncoder(
      `its added token ${JSON.stringify(content)} is one only where no word is beside it (single_word): such a ` +
        'token is not taken',
    );
  return { id, normalized, special, ...(lstrip && { lstrip }), ...(rstrip && { rstrip }) };
}

export type AddedEntry = NonNullable<TokenizerJson['added_tokens']>[number];

/** Checks the sizes of tokens by id. */
export function checkLengths(tokens: readonly (Uint8Array | undefined)[]): void {
  for (const bytes of tokens) {
    if (bytes !== undefined && (bytes.length === 0 || bytes.length > tokenBytesMax))
      throw new Error(`one of its tokens has ${bytes.length} bytes; 1 to ${tokenBytesMax} are expected`);
  }
}

export function idsOf({ vocab }: TokenizerJson['model']): Map<string, number> {
  const ids = new Map<string, number>();
  for (const letters in vocab) {
    const id = vocab[letters];
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= limits.vocabularyTokensMax)
      throw new Error(`the id of its token ${JSON.stringify(letters)} is ${JSON.stringify(id)}`);
    ids.set(letters, id);
  }
  return ids;
}

/** Returns the merges as ids. */
export function mergesOf({ merges }: TokenizerJson['model'], ids: ReadonlyMap<string, number>): Uint32Array {
  const words = new Uint32Array(mergeWords * merges.length);
  let at = 0;
  for (const merge of merges) {
    const [left, right, more] = typeof merge === 'string' ? merge.split(' ') : merge;
    const found = [ids.get(left!), ids.get(right!), ids.get(`${left}${right}`)];
    for (const id of found) {
      if (id === undefined || more !== undefined)
        throw new Error(
          `its merge ${JSON.stringify(merge)} is not of two tokens of its vocabulary that make a third one`,
        );
      words[at++] = id;
    }
  }
  return words;
}

const partSchema = z.looseObject({ type: z.string() });

/** Returns the parts of a sequence, or a part alone. */
export function partsOf(part: unknown, list: string): unknown[] {
  if (part === null || part === undefined) return [];
  const { success, data } = partSchema.safeParse(part);
  if (!success)
    throw new Error(`it is no tokenizer.json: a part (of ${list}) has no type: ${JSON.stringify(part)}`);
  const { type, [list]: parts } = data;
  return type === 'Sequence' && Array.isArray(parts) ? parts.flatMap((each) => partsOf(each, list)) : [part];
}

export function kindOf(part: unknown): string {
  const { success, data } = partSchema.safeParse(part);
  return success ? data.type : JSON.stringify(part);
}
