import { z } from 'zod';
import { limits } from '../../model/index.js';
import { bytesOfLetters } from '../files/byte-letters.js';
import { checked, kindOf, kindOfModel, partsOf } from '../files/json-model.js';
import type { LibraryVocabulary } from './library-file.js';
import type { Library, LibraryTokenizer } from './peer.js';

/** Tokens that the library is asked to join at once, to see whether each says the same wherever it stands. */
const joinedTokens = 4;
/** Limit of the characters of a word of WordPiece. */
const wordCharactersMax = 1_000;
/** Limit of the tokens by which it is seen whether a text loses the space that it begins with. */
const spacedMax = 2_000;
/** Length of a token, in bytes, that a vocabulary's file has room for. */
const tokenBytesMax = 0xffff;

const schema = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: z.int().min(0).lt(limits.vocabularyTokensMax), content: z.string().min(1) }))
    .nullish(),
  decoder: z.unknown().optional(),
  model: z.looseObject({
    type: z.string().optional(),
    dropout: z.number().nullish(),
    // Time to encode a word grows with the square of this; BERT has 100.
    max_input_chars_per_word: z.int().max(wordCharactersMax).nullish(),
    unk_id: z.number().nullish(),
    unk_token: z.string().nullish(),
    vocab: z.custom<object>((vocab) => typeof vocab === 'object' && vocab !== null, 'tokens are expected'),
    merges: z
      .custom<readonly unknown[]>((merges) => Array.isArray(merges), 'a list of pairs is expected')
      .nullish(),
  }),
});

/**
 * Reads a tokenizer.json of a kind that has no encoder here, with the library.
 * @throws Error that says why it is not taken
 */
export function readWithLibrary(text: string, library: Library): LibraryVocabulary {
  const parsed = checked(schema, JSON.parse(text));
  if (parsed.model.dropout)
    throw new Error('its merges are dropped at random (dropout): no text has fixed ids');
  const inModel = entriesOf(parsed.model.vocab);
  const model = parsed.model.type ?? (kindOfModel(parsed.model) as string | undefined) ?? 'BPE';
  checkUnknown(model, parsed.model, inModel);
  // Content is stored as it is: nothing is put around it, and nothing is cut off.
  const json = JSON.stringify({ ...parsed, post_processor: null, truncation: null, padding: null });
  const tokenizer = library.Tokenizer.fromString(json);
  const added = parsed.added_tokens ?? [];
  for (const { id, content } of added) {
    const found = tokenizer.tokenToId(content);
    if (found !== id)
      throw new Error(
        `its added token ${JSON.stringify(content)} has the id ${id}; the library makes ${found} of it`,
      );
  }
  // Not from the library's own list, an object that has no token named __proto__.
  const ids = new Set(inModel.map(([, id]) => id));
  const apart = added.filter(({ id }) => !ids.has(id)).map(({ id, content }): Entry => [content, id]);
  const vocabulary = [...inModel, ...apart];
  const ofAdded = new Set(added.map(({ id }) => id));
  const { tokens, stripsSpace } = textsOf(vocabulary, tokenizer, parsed.decoder, ofAdded);
  const starts = new Uint32Array(tokens.length + 1);
  for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id]! + (tokens[id]?.length ?? 0);
  const bytes = new Uint8Array(starts[tokens.length]!);
  for (let id = 0; id < tokens.length; id++) bytes.set(tokens[id] ?? [], starts[id]);
  return { model, stripsSpace, bytes, starts, json };
}

/** A token's letters and its id. */
type Entry = readonly [letters: string, id: number];

/** Returns the tokens of a model. @throws Error for what the library would end the process for */
function entriesOf(vocab: object): Entry[] {
  const found = new Set<unknown>();
  const entries: (readonly [unknown, unknown])[] = Array.isArray(vocab)
    ? (vocab as readonly unknown[]).map((entry, id) => [Array.isArray(entry) ? entry[0] : '', id])
    : Object.entries(vocab);
  for (const [letters, id] of entries) {
    const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) < limits.vocabularyTokensMax;
    if (typeof letters !== 'string' || !isId || found.has(id))
      throw new Error(`its token ${JSON.stringify(letters)} has the id ${JSON.stringify(id)}, or no letters`);
    found.add(id);
  }
  return entries as Entry[];
}

/** Checks that a text with a letter that is in no token has ids. */
function checkUnknown(
  kind: string,
  { unk_id: id, unk_token: token }: z.infer<typeof schema>['model'],
  vocabulary: readonly Entry[],
): void {
  const isKnown =
    kind === 'Unigram'
      ? vocabulary.some(([, known]) => known === id)
      : vocabulary.some(([letters]) => letters === token);
  if (isKnown || (kind === 'BPE' && (token ?? '') === '')) return;
  const [field, value] = kind === 'Unigram' ? ['unk_id', id] : ['unk_token', token];
  throw new Error(
    `model.${field} is ${JSON.stringify(value ?? null)}: the token of its vocabulary is expected that stands for ` +
      'what no other token has',
  );
}

interface Texts {
  /** Bytes of each token, by id. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  readonly stripsSpace: boolean;
}

/** Returns what each token says. */
function textsOf(
  vocabulary: readonly Entry[],
  tokenizer: LibraryTokenizer,
  decoder: unknown,
  added: ReadonlySet<number>,
): Texts {
  const tokens: (Uint8Array | undefined)[] = [];
  const put = (id: number, bytes: Uint8Array) => {
    if (bytes.length > tokenBytesMax)
      throw new Error(`one of its tokens has ${bytes.length} bytes; ${tokenBytesMax} are the limit`);
    tokens[id] = bytes;
  };
  const kinds = partsOf(decoder, 'decoders').map(kindOf);
  if (kinds.length > 0 && kinds.every((kind) => kind === 'ByteLevel')) {
    for (const [letters, id] of vocabulary)
      put(id, (added.has(id) ? undefined : bytesOfLetters(letters)) ?? Buffer.from(letters));
    return { tokens: Array.from(tokens), stripsSpace: false };
  }
  const own = tokenizer.getDecoder();
  // Without a decoder, the library puts a space between all tokens.
  const join = own === null ? (letters: string[]) => letters.join(' ') : own.decode.bind(own);
  const fallsBack = kinds.includes('ByteFallback');
  const anchor = vocabulary.map(([letters]) => letters).find((letters) => /[a-z]{2}$/i.test(letters));
  if (anchor === undefined) throw new Error('it has no token with letters, by which to know its others');
  const before = join([anchor]);
  for (const [letters, id] of vocabulary) {
    const byte =
      fallsBack && /^<0x[0-9A-F]{2}>$/.test(letters) ? Number.parseInt(letters.slice(3, 5), 16) : -1;
    if (byte >= 0) put(id, Uint8Array.of(byte));
    else {
      const both = join([anchor, letters]);
      if (!both.startsWith(before)) throw notJoined(letters);
      put(id, Buffer.from(both.slice(before.length)));
    }
  }
  const whole = vocabulary.filter(([, id]) => tokens[id]!.length > 1);
  checkJoins(join, anchor, whole, tokens);
  return { tokens: Array.from(tokens), stripsSpace: stripsSpace(join, whole, tokens) };
}

/** Checks that each token says the same wherever it stands: before others, behind them, and behind itself. */
function checkJoins(
  join: (letters: string[]) => string,
  anchor: string,
  whole: readonly Entry[],
  tokens: readonly (Uint8Array | undefined)[],
): void {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const mixed = [...whole];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!];
  }
  const before = join([anchor]);
  for (let at = 0; at < mixed.length; at += joinedTokens) {
    const some = mixed.slice(at, at + joinedTokens).flatMap((entry) => [entry, entry]);
    const expected = before + Buffer.concat(some.map(([, id]) => tokens[id]!)).toString();
    if (join([anchor, ...some.map(([letters]) => letters)]) !== expected) throw notJoined(some[0]![0]);
  }
}

/** Returns whether the first token of a text loses the space that it begins with. */
function stripsSpace(
  join: (letters: string[]) => string,
  whole: readonly Entry[],
  tokens: readonly (Uint8Array | undefined)[],
): boolean {
  const spaced = whole.filter(([, id]) => tokens[id]![0] === 0x20).slice(0, spacedMax);
  const stripped = spaced.filter(
    ([letters, id]) => join([letters]) === Buffer.from(tokens[id]!).toString().slice(1),
  );
  if (stripped.length > 0 && stripped.length < spaced.length)
    throw new Error('the space before a text is kept of some of its tokens, and not of others');
  return stripped.length > 0;
}

function notJoined(letters: string): Error {
  return new Error(
    `its token ${JSON.stringify(letters)} says something else beside other tokens, so that ids cannot be read in parts`,
  );
}
