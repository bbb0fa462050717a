import { z } from 'zod';
import { limits } from '../../model/index.js';
import { bytesOfLetters } from '../files/byte-letters.js';
import { kindOf, partsOf } from '../files/json-model.js';
import type { LibraryVocabulary } from './library-file.js';
import type { Library, LibraryTokenizer } from './peer.js';

/** Tokens that the library is asked to join, to see whether each has the same text wherever it stands. */
const joinedRuns = 2_000;
const joinedTokens = 8;
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
    vocab: z.custom<object>((vocab) => typeof vocab === 'object' && vocab !== null),
    merges: z.custom<readonly unknown[]>((merges) => Array.isArray(merges)).nullish(),
  }),
});

/**
 * Reads a tokenizer.json of a kind that has no encoder here, with the library.
 * @throws Error that says why it is not taken
 */
export function readWithLibrary(text: string, library: Library): LibraryVocabulary {
  const parsed = schema.parse(JSON.parse(text));
  if (parsed.model.dropout)
    throw new Error('its merges are dropped at random (dropout): no text has fixed ids');
  checkVocabulary(parsed.model.vocab);
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
  const { tokens, stripsSpace } = textsOf(tokenizer, parsed.decoder, new Set(added.map(({ id }) => id)));
  const starts = new Uint32Array(tokens.length + 1);
  for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id]! + (tokens[id]?.length ?? 0);
  const bytes = new Uint8Array(starts[tokens.length]!);
  for (let id = 0; id < tokens.length; id++) bytes.set(tokens[id] ?? [], starts[id]);
  return { model: parsed.model.type ?? 'BPE', stripsSpace, bytes, starts, json };
}

/** Checks what the library would end the process for. */
function checkVocabulary(vocab: object): void {
  const found = new Set<unknown>();
  const entries = Array.isArray(vocab)
    ? (vocab as readonly unknown[]).map((entry, id) => [
        Array.isArray(entry) ? (entry[0] as unknown) : '',
        id,
      ])
    : Object.entries(vocab);
  for (const [letters, id] of entries) {
    const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) < limits.vocabularyTokensMax;
    if (typeof letters !== 'string' || !isId || found.has(id))
      throw new Error(`its token ${JSON.stringify(letters)} has the id ${JSON.stringify(id)}, or no letters`);
    found.add(id);
  }
}

interface Texts {
  /** Bytes of each token, by id. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  readonly stripsSpace: boolean;
}

/** Returns what each token says. */
function textsOf(tokenizer: LibraryTokenizer, decoder: unknown, added: ReadonlySet<number>): Texts {
  const vocabulary = Object.entries(tokenizer.getVocab(true));
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

/** Checks that a token says the same wherever it stands. */
function checkJoins(
  join: (letters: string[]) => string,
  anchor: string,
  whole: readonly (readonly [string, number])[],
  tokens: readonly (Uint8Array | undefined)[],
): void {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const before = join([anchor]);
  for (let run = 0; run < joinedRuns && whole.length > 0; run++) {
    const some = Array.from({ length: joinedTokens }, () => whole[Math.floor(next() * whole.length)]!);
    const expected = before + Buffer.concat(some.map(([, id]) => tokens[id]!)).toString();
    const joined = join([anchor, ...some.map(([letters]) => letters)]);
    if (joined !== expected) throw notJoined(some[0]![0]);
  }
}

/** Returns whether the first token of a text loses the space that it begins with. */
function stripsSpace(
  join: (letters: string[]) => string,
  whole: readonly (readonly [string, number])[],
  tokens: readonly (Uint8Array | undefined)[],
): boolean {
  const spaced = whole.filter(([, id]) => tokens[id]![0] === 0x20).slice(0, joinedRuns);
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
