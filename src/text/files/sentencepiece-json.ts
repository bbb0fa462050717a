import { z } from 'zod';
import { type AddedToken, type Characters, mergeWords, type Rules, vocabularyOf } from '../vocabulary.js';
import {
  type AddedEntry,
  addedToken,
  checkLengths,
  checkModel,
  idsOf,
  kindOf,
  mergesOf,
  NoEncoder,
  partsOf,
  type ReadTokenizer,
  type TokenizerJson,
} from './json-model.js';

/** U+2581, which stands for a space. */
const mark = '\u2581';

/**
 * Reads a tokenizer.json whose merges begin with characters, and with bytes where a character has no token:
 * those that were made of SentencePiece's BPE. In the vocabulary a space is a space.
 * @throws Error that says what was expected
 */
export function readSentencePiece(json: TokenizerJson): ReadTokenizer {
  const { model } = json;
  checkModel(model);
  if (model.ignore_merges)
    throw new NoEncoder('it has both byte_fallback and ignore_merges: one is expected');
  checkDecoder(json.decoder);
  const { prefix, splits, marksText } = spacesOf(json);
  const ids = idsOf(model);
  const merges = mergesOf(model, ids);
  const bytes = byteTokens(ids);
  if (!ids.has(mark)) throw new NoEncoder('it has no token U+2581, which stands for a space');
  const tokens: (Uint8Array | undefined)[] = [];
  for (const [letters, id] of ids) {
    if (tokens[id] !== undefined) throw new Error(`two tokens of its vocabulary have the id ${id}`);
    tokens[id] = Buffer.from(letters.replaceAll(mark, ' '));
  }
  for (const [byte, id] of bytes.entries()) tokens[id] = Uint8Array.of(byte);
  const results = new Set(merges.filter((_, at) => at % mergeWords === 2));
  // No text becomes one with a space, because each space is a mark before it is looked at.
  const special = new Set([...ids].filter(([letters]) => letters.includes(' ')).map(([, id]) => id));
  for (const { id, content, normalized } of json.added_tokens ?? []) {
    const inVocabulary = ids.get(content);
    if (inVocabulary === undefined ? tokens[id] !== undefined : inVocabulary !== id)
      throw new Error(
        `its added token ${JSON.stringify(content)} has the id ${id}, which is another token's`,
      );
    // One that is normalized has the space that is put before a text.
    const before = normalized && prefix === 'each' ? ' ' : '';
    tokens[id] = Buffer.from(before + content.replaceAll(mark, ' '));
    const isMade = inVocabulary !== undefined && (isCharacter(content) || results.has(id));
    if (!isMade) special.add(id);
  }
  checkLengths(tokens);
  const rules: Rules = {
    pattern: splits ? 'metaspace' : joinsWords(merges, tokens) ? 'whole' : 'spaces',
    digits: 1,
    special: [...special].sort((a, b) => a - b),
    added: (json.added_tokens ?? []).map((entry) => addedTokenOf(entry, marksText)),
    characters: { bytes, prefix },
    merges,
  };
  return { vocabulary: vocabularyOf(Array.from(tokens), rules), ignoresMerges: false };
}

function isCharacter(text: string): boolean {
  return Array.from(text).length === 1;
}

/** `marksText`: spaces of a text are U+2581 before added tokens are looked for that are normalized. */
function addedTokenOf(entry: AddedEntry, marksText: boolean): AddedToken {
  const { content, normalized, lstrip, rstrip } = entry;
  const hasMark = content.includes(mark);
  if (hasMark && content.includes(' '))
    throw new NoEncoder(`its added token ${JSON.stringify(content)} has both a space and U+2581`);
  if (normalized && !marksText && (lstrip || rstrip))
    throw new NoEncoder(
      `its added token ${JSON.stringify(content)} takes the spaces beside it (lstrip, rstrip), and is looked for in ` +
        'text that is normalized, where spaces are not told from U+2581: such a token is not taken',
    );
  return { ...addedToken(entry), ...(hasMark && { marks: true }) };
}

/** Returns the tokens of all bytes. */
function byteTokens(ids: ReadonlyMap<string, number>): number[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const id = ids.get(name);
    if (id === undefined) throw new NoEncoder(`it falls back to bytes, and has no token ${name}`);
    return id;
  });
}

/** True if a merge goes over the beginning of spaces: then no text can be split there. */
function joinsWords(merges: Uint32Array, tokens: readonly (Uint8Array | undefined)[]): boolean {
  const space = 0x20;
  for (let at = 0; at < merges.length; at += mergeWords) {
    const [left, right] = [tokens[merges[at]!]!, tokens[merges[at + 1]!]!];
    if (left.at(-1) !== space && right[0] === space) return true;
  }
  return false;
}

const replaceSchema = z.object({
  type: z.literal('Replace'),
  pattern: z.object({ String: z.literal(' ') }),
  content: z.literal(mark),
});
const prependSchema = z.object({ type: z.literal('Prepend'), prepend: z.literal(mark) });
const metaspaceSchema = z.object({
  type: z.literal('Metaspace'),
  replacement: z.literal(mark),
  add_prefix_space: z.boolean().nullish(),
  prepend_scheme: z.enum(['always', 'first', 'never']).nullish(),
  split: z.boolean().default(true),
});
/** It finds nothing: there are no spaces any more. */
const splitSchema = z.object({ type: z.literal('Split'), pattern: z.object({ String: z.literal(' ') }) });

/**
 * Returns where a space is put before a text, whether each word is a piece of its own, and whether a
 * normalizer makes marks of spaces.
 */
function spacesOf({ normalizer, pre_tokenizer: preTokenizer }: TokenizerJson): {
  prefix: Characters['prefix'];
  splits: boolean;
  marksText: boolean;
} {
  const before = partsOf(normalizer, 'normalizers');
  const then = partsOf(preTokenizer, 'pretokenizers');
  const isReplaced = replaceSchema.safeParse(before.at(-1)).success;
  const isPrepended = before.length === 2 && prependSchema.safeParse(before[0]).success;
  if (isReplaced && (before.length === 1 || isPrepended)) {
    if (then.every((part) => splitSchema.safeParse(part).success))
      return { prefix: isPrepended ? 'each' : 'none', splits: false, marksText: true };
  } else if (before.length === 0 && then.length === 1) {
    const { success, data } = metaspaceSchema.safeParse(then[0]);
    if (success) return { prefix: prefixOf(data), splits: data.split, marksText: false };
  }
  throw new NoEncoder(
    `its spaces are not known: normalizer ${JSON.stringify(normalizer ?? null)}, pre_tokenizer ` +
      `${JSON.stringify(preTokenizer ?? null)}; those of Gemma, Llama 2 and Mistral are (a Replace of " " by ` +
      'U+2581, with Prepend or without, or Metaspace): another one would give other ids',
  );
}

function prefixOf(metaspace: z.infer<typeof metaspaceSchema>): Characters['prefix'] {
  const scheme = metaspace.prepend_scheme ?? (metaspace.add_prefix_space === false ? 'never' : 'always');
  return ({ always: 'missing', first: 'first', never: 'none' } as const)[scheme];
}

const decoders = new Set(['Replace', 'ByteFallback', 'Fuse', 'Strip', 'Metaspace']);

function checkDecoder(decoder: unknown): void {
  const other = partsOf(decoder, 'decoders')
    .map(kindOf)
    .find((kind) => !decoders.has(kind));
  if (other !== undefined)
    throw new NoEncoder(
      `its decoder has ${other}; ${[...decoders].join(', ')} are expected with byte_fallback`,
    );
}
