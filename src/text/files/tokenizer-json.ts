import { z } from 'zod';
import { limits } from '../../model/index.js';
import { type AddedToken, mergeWords, type Rules, type Vocabulary, vocabularyOf } from '../vocabulary.js';
import { bytesOfLetters } from './byte-letters.js';
import { ownPattern, patternOf } from './known-patterns.js';

/** Length of a token, in bytes, that a vocabulary's file has room for. */
const tokenBytesMax = 0xffff;

const expected =
  'a ByteLevel BPE tokenizer is expected, as Llama 3, Qwen, DeepSeek, gpt-oss and Mistral Nemo have';

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

type TokenizerJson = z.infer<typeof schema>;

/** A tokenizer whose tokens merges may not make; see TextCore.unmade(). */
export interface ReadTokenizer {
  readonly vocabulary: Vocabulary;
  /** True if a piece becomes a token as a whole, whether merges make that token or not. */
  readonly ignoresMerges: boolean;
}

/** Reads a tokenizer.json of Hugging Face. @throws Error that says what was expected */
export function readTokenizerJson(text: string): ReadTokenizer {
  const json = parse(text);
  const { model } = json;
  checkModel(model);
  if (!isByteLevel(json.decoder)) throw new Error(`its decoder is ${kindOf(json.decoder)}; ${expected}`);
  const added = json.added_tokens ?? [];
  for (const token of added) checkAdded(token);
  const tokens: (Uint8Array | undefined)[] = [];
  const special: number[] = [];
  const ids = idsOf(model);
  for (const [letters, id] of ids) {
    if (tokens[id] !== undefined) throw new Error(`two tokens of its vocabulary have the id ${id}`);
    const bytes = bytesOfLetters(letters);
    // No text becomes a token of other letters, and it is decoded to them.
    if (bytes === undefined) special.push(id);
    tokens[id] = bytes ?? Buffer.from(letters);
  }
  for (const { id, content } of added) {
    const inVocabulary = ids.get(content);
    if (inVocabulary === undefined ? tokens[id] !== undefined : inVocabulary !== id)
      throw new Error(
        `its added token ${JSON.stringify(content)} has the id ${id}, which is another token's`,
      );
    tokens[id] = Buffer.from(content);
  }
  checkTokens(tokens);
  const apart = new Set(added.map(({ id }) => id));
  const rules: Rules = {
    ...splitting(json.pre_tokenizer),
    special: special.filter((id) => !apart.has(id)).sort((a, b) => a - b),
    added: added.map(({ id, normalized, special }): AddedToken => ({ id, normalized, special })),
    nfc: normalizes(json.normalizer),
    merges: mergesOf(model, ids),
  };
  return { vocabulary: vocabularyOf(Array.from(tokens), rules), ignoresMerges: model.ignore_merges ?? false };
}

function parse(text: string): TokenizerJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON (${(error as Error).message})`, { cause: error });
  }
  const kind = (json as { model?: { type?: unknown } } | null)?.model?.type;
  if (kind !== undefined && kind !== 'BPE')
    throw new Error(`its model is ${kindOf({ type: kind })}; ${expected}`);
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new Error(`it is no tokenizer.json: ${path.join('.')}: ${message}; ${expected}`);
}

function checkModel(model: TokenizerJson['model']): void {
  if (model.dropout) throw new Error('its merges are dropped at random (dropout): no text has fixed ids');
  if (model.continuing_subword_prefix || model.end_of_word_suffix)
    throw new Error(`its tokens have a prefix or suffix within words; ${expected}`);
}

function checkAdded({ content, special, single_word, lstrip, rstrip }: AddedEntry): void {
  if (!special && (single_word || lstrip || rstrip))
    throw new Error(
      `its added token ${JSON.stringify(content)} takes the spaces or words beside it into account ` +
        '(single_word, lstrip, rstrip): such a token is not taken, unless it is special',
    );
}

type AddedEntry = NonNullable<TokenizerJson['added_tokens']>[number];

function checkTokens(tokens: readonly (Uint8Array | undefined)[]): void {
  const single = new Set<number>();
  for (const bytes of tokens) {
    if (bytes?.length === 1) single.add(bytes[0]!);
    if (bytes !== undefined && (bytes.length === 0 || bytes.length > tokenBytesMax))
      throw new Error(`one of its tokens has ${bytes.length} bytes; 1 to ${tokenBytesMax} are expected`);
  }
  if (single.size < 256)
    throw new Error(`it has no tokens for ${256 - single.size} of the 256 bytes; ${expected}`);
}

function idsOf({ vocab }: TokenizerJson['model']): Map<string, number> {
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
function mergesOf({ merges }: TokenizerJson['model'], ids: ReadonlyMap<string, number>): Uint32Array {
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
const splitSchema = z.object({
  type: z.literal('Split'),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.string(),
  invert: z.boolean().default(false),
});
const byteLevelSchema = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});

/** Returns the parts of a sequence, or a part alone. */
function partsOf(part: unknown, list: string): unknown[] {
  if (part === null || part === undefined) return [];
  const { type, [list]: parts } = partSchema.parse(part);
  return type === 'Sequence' && Array.isArray(parts) ? parts.flatMap((each) => partsOf(each, list)) : [part];
}

/** @throws Error for a pre-tokenizer that is not known */
function splitting(preTokenizer: unknown): Pick<Rules, 'pattern' | 'digits'> {
  const parts = partsOf(preTokenizer, 'pretokenizers');
  const last = byteLevelSchema.safeParse(parts.at(-1));
  const splits = parts.slice(0, -1).map((part) => splitSchema.safeParse(part));
  if (last.success && last.data.use_regex && splits.length === 0) return ownPattern;
  if (last.success && !last.data.use_regex && splits.every(({ success }) => success)) {
    const rules = splits.map(({ data }) => data!);
    const pattern = patternOf(rules.map(({ pattern }) => pattern.Regex));
    // "Removed" of what does not match is the same, if the expression takes every letter.
    const isKnown = rules.every(
      ({ behavior, invert }) =>
        (behavior === 'Isolated' && !invert) || (behavior === 'Removed' && invert && rules.length === 1),
    );
    if (pattern !== undefined && isKnown) return pattern;
  }
  throw new Error(
    `its pre_tokenizer is not known: ${JSON.stringify(preTokenizer ?? null)}; those of Llama 3, Qwen 2 and 3, ` +
      'DeepSeek V3, gpt-oss, Mistral Nemo and GPT-2 are, letter by letter: another one would give other ids',
  );
}

/** Returns whether text is brought to normalization form C. @throws Error for another normalizer */
function normalizes(normalizer: unknown): boolean {
  const kinds = partsOf(normalizer, 'normalizers').map(kindOf);
  if (kinds.some((kind) => kind !== 'NFC'))
    throw new Error(`its normalizer is ${kinds.join(', ')}; none or NFC is expected`);
  return kinds.length > 0;
}

function isByteLevel(decoder: unknown): boolean {
  const kinds = partsOf(decoder, 'decoders').map(kindOf);
  return kinds.every((kind) => kind === 'ByteLevel');
}

function kindOf(part: unknown): string {
  const { success, data } = partSchema.safeParse(part);
  return success ? data.type : JSON.stringify(part);
}
