import { z } from 'zod';
import { type Rules, vocabularyOf } from '../vocabulary.js';
import { bytesOfLetters } from './byte-letters.js';
import {
  addedToken,
  checkLengths,
  checkModel,
  expected,
  idsOf,
  kindOf,
  mergesOf,
  NoEncoder,
  parseTokenizerJson,
  partsOf,
  type ReadTokenizer,
} from './json-model.js';
import { ownPattern, patternOf } from './known-patterns.js';
import { readSentencePiece } from './sentencepiece-json.js';

/** Reads a tokenizer.json of Hugging Face. @throws Error that says what was expected */
export function readTokenizerJson(text: string): ReadTokenizer {
  const json = parseTokenizerJson(text);
  if (json.model.byte_fallback === true) return readSentencePiece(json);
  const { model } = json;
  checkModel(model);
  if (!isByteLevel(json.decoder)) throw new NoEncoder(`its decoder is ${kindOf(json.decoder)}; ${expected}`);
  const added = json.added_tokens ?? [];
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
  checkLengths(tokens);
  checkBytes(tokens);
  const apart = new Set(added.map(({ id }) => id));
  const rules: Rules = {
    ...splitting(json.pre_tokenizer),
    special: special.filter((id) => !apart.has(id)).sort((a, b) => a - b),
    added: added.map(addedToken),
    nfc: normalizes(json.normalizer),
    merges: mergesOf(model, ids),
  };
  return { vocabulary: vocabularyOf(Array.from(tokens), rules), ignoresMerges: model.ignore_merges ?? false };
}

function checkBytes(tokens: readonly (Uint8Array | undefined)[]): void {
  const single = new Set<number>();
  for (const bytes of tokens) {
    if (bytes?.length === 1) single.add(bytes[0]!);
  }
  if (single.size < 256)
    throw new Error(`it has no tokens for ${256 - single.size} of the 256 bytes; ${expected}`);
}

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
  throw new NoEncoder(
    `its pre_tokenizer is not known: ${JSON.stringify(preTokenizer ?? null)}; those of Llama 3, Qwen 2 and 3, ` +
      'DeepSeek V3, gpt-oss, Mistral Nemo and GPT-2 are, letter by letter: another one would give other ids',
  );
}

/** Returns whether text is brought to normalization form C. @throws Error for another normalizer */
function normalizes(normalizer: unknown): boolean {
  const kinds = partsOf(normalizer, 'normalizers').map(kindOf);
  if (kinds.some((kind) => kind !== 'NFC'))
    throw new NoEncoder(`its normalizer is ${kinds.join(', ')}; none or NFC is expected`);
  return kinds.length > 0;
}

function isByteLevel(decoder: unknown): boolean {
  const kinds = partsOf(decoder, 'decoders').map(kindOf);
  return kinds.every((kind) => kind === 'ByteLevel');
}
