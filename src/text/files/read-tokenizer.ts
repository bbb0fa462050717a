import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  limits,
  sharedBytes,
  StowkenError,
  tokenizerNamed,
  type TokenizerSource,
} from '../../model/index.js';
import { type ChatTemplateFile, readChatTemplate, writeChatTemplate } from '../chat/chat-template.js';
import { changingTexts } from '../added-tokens.js';
import { loadBuilt, loadCore } from '../load-encoding.js';
import { type LibraryVocabulary, writeLibraryFile } from '../library/library-file.js';
import { readWithLibrary } from '../library/library-json.js';
import { libraryWanted, loadLibrary } from '../library/peer.js';
import { runThrough } from '../slices.js';
import { TextCore } from '../text-core.js';
import { hashOfVocabulary, tokensIn, type Vocabulary, vocabularyOf, writeVocabulary } from '../vocabulary.js';
import { patternNames } from './known-patterns.js';
import { readRankFile } from './rank-file.js';
import { NoEncoder } from './json-model.js';
import { readTokenizerJson } from './tokenizer-json.js';

/** A tokenizer that the server was given a file of. Threads and processes share nothing but these bytes. */
export interface GivenTokenizer {
  readonly name: string;
  /** SHA-256 of the vocabulary, in hex: two files with one hash make the same tokens of every text. */
  readonly sha256: string;
  /**
   * Hash of its vocabulary as earlier versions read it, which did not take blanks beside added tokens into
   * account. Absent if it has no such token.
   */
  readonly earlierSha256?: string | undefined;
  /** Number of its tokens, with the added ones. */
  readonly size: number;
  /** True: merges begin with characters, as SentencePiece's do. */
  readonly mergesCharacters?: boolean;
  /** Type of its model, if the package tokenizers encodes its text. */
  readonly libraryModel?: string;
  /** See TokenizerInfo. */
  readonly changesBeside?: readonly string[];
  /** See writeVocabulary(). */
  readonly file: Uint8Array;
  /** Absent if its folder says nothing of chats. */
  readonly chat?: ChatTemplateFile | undefined;
}

/** Name of the file in a folder. */
const fileInFolder = 'tokenizer.json';

/** Vocabularies whose rank files have a pattern although they name none: they are known by their tokens. */
const rankFiles = ['o200k_base', 'cl100k_base', 'r50k_base', 'p50k_base'] as const;

/**
 * Reads the file of a tokenizer, tokenizer.json or a tiktoken rank file. `library`: loads the package that
 * encodes other kinds.
 * @throws StowkenError INVALID_FIELD with what was expected
 */
export async function readTokenizer(
  { name, path, pattern }: TokenizerSource,
  library: typeof loadLibrary = loadLibrary,
): Promise<GivenTokenizer> {
  const refuse = (what: string, cause?: unknown) =>
    new StowkenError(
      'INVALID_FIELD',
      `tokenizer ${name}: ${path}: ${what}`,
      { field: 'tokenizer', value: name },
      { cause },
    );
  const namesake = tokenizerNamed(name);
  if (namesake !== undefined)
    throw refuse(`the name is that of ${namesake}, which comes with the program: choose another one`);
  let vocabulary: Vocabulary | LibraryVocabulary;
  let chat: ChatTemplateFile | undefined;
  try {
    const text = await textOf(path);
    vocabulary = await vocabularyOfText(text, pattern).catch((error: unknown) =>
      ofLibrary(text, error, library()),
    );
    chat = await chatOf(path);
  } catch (error) {
    throw refuse((error as Error).message, error);
  }
  if ('json' in vocabulary) {
    const file = writeLibraryFile(vocabulary);
    return {
      name,
      sha256: hashOfVocabulary(file),
      size: tokensIn(vocabulary),
      libraryModel: vocabulary.model,
      // Any text may come back otherwise: they normalize it, and have no tokens for some letters.
      changesBeside: [''],
      file: sharedBytes(file),
      chat,
    };
  }
  const file = writeVocabulary(vocabulary);
  const sha256 = hashOfVocabulary(file);
  const mergesCharacters = vocabulary.characters !== undefined;
  const earlierSha256 = earlierHashOf(vocabulary);
  const size = tokensIn(vocabulary);
  const changesBeside = changingTexts(vocabulary);
  return {
    name,
    sha256,
    earlierSha256,
    size,
    mergesCharacters,
    changesBeside,
    file: sharedBytes(file),
    chat,
  };
}

function earlierHashOf(vocabulary: Vocabulary): string | undefined {
  const { added = [] } = vocabulary;
  if (!added.some(({ lstrip, rstrip }) => lstrip || rstrip)) return undefined;
  const earlier = added.map(({ id, normalized, special, marks }) => ({
    ...{ id, normalized, special },
    ...(marks && { marks }),
  }));
  return hashOfVocabulary(writeVocabulary({ ...vocabulary, added: earlier }));
}

/** Returns a tokenizer as it can be sent to another process. */
export function toSend(tokenizer: GivenTokenizer): GivenTokenizer {
  return { ...tokenizer, file: Buffer.from(tokenizer.file) };
}

/** Returns a tokenizer that was sent by another process. */
export function asReceived(tokenizer: GivenTokenizer): GivenTokenizer {
  return { ...tokenizer, file: sharedBytes(tokenizer.file) };
}

/** Returns what a folder says of chats, beside its tokenizer. */
async function chatOf(path: string): Promise<ChatTemplateFile | undefined> {
  if (!(await stat(path)).isDirectory()) return undefined;
  const [jinja, config] = await Promise.all(
    ['chat_template.jinja', 'tokenizer_config.json'].map((file) => textIfAny(join(path, file))),
  );
  const template = readChatTemplate(jinja, config);
  return template && writeChatTemplate(template);
}

async function textIfAny(file: string): Promise<string | undefined> {
  try {
    return await textOf(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function textOf(path: string): Promise<string> {
  const file = (await stat(path)).isDirectory() ? join(path, fileInFolder) : path;
  const { size } = await stat(file);
  const limit = limits.tokenizerFileBytesMax;
  if (size > limit) throw new Error(`it has ${size} bytes; the limit is ${limit}`);
  return readFile(file, 'utf8');
}

/**
 * Reads a tokenizer.json that has no encoder here for the library. `refusal`: why it has none.
 * @throws Error
 */
function ofLibrary(
  text: string,
  refusal: unknown,
  library: ReturnType<typeof loadLibrary>,
): LibraryVocabulary {
  if (!(refusal instanceof NoEncoder)) throw refusal;
  if (library !== undefined) return readWithLibrary(text, library);
  throw new Error(`${refusal.message}. Such a file is taken with ${libraryWanted}`, { cause: refusal });
}

async function vocabularyOfText(text: string, pattern: TokenizerSource['pattern']): Promise<Vocabulary> {
  if (!text.trimStart().startsWith('{')) return vocabularyOfRanks(text, pattern);
  if (pattern !== undefined) throw new Error('a tokenizer.json has its pattern itself: leave out "pattern="');
  const { vocabulary, ignoresMerges } = readTokenizerJson(text);
  if (ignoresMerges) return vocabulary;
  const { module, classes } = await loadCore();
  const unmade = runThrough(TextCore.create(module, vocabulary, classes)).unmade(vocabulary);
  return { ...vocabulary, unmade };
}

async function vocabularyOfRanks(text: string, pattern: TokenizerSource['pattern']): Promise<Vocabulary> {
  const tokens = readRankFile(text);
  if (tokens === undefined || tokens.length < 256)
    throw new Error('it is neither a tokenizer.json nor a tiktoken rank file (lines of base64 and a rank)');
  const bytes = new Set(tokens.filter((token) => token?.length === 1).map((token) => token![0]));
  if (bytes.size < 256) throw new Error(`it has no tokens for ${256 - bytes.size} of the 256 bytes`);
  if (pattern !== undefined) return vocabularyOf(tokens, { ...patternNames[pattern], special: [] });
  const digest = digestOf(tokens);
  for (const name of rankFiles) {
    const known = await loadBuilt(name);
    if (digest === digestOf(ranksOf(known))) return known;
  }
  throw new Error(
    'a rank file has no pattern to split a text by, and these ranks are not those of OpenAI: name it, ' +
      `NAME=FILE,pattern=${Object.keys(patternNames).join('|')}, or give the model's tokenizer.json`,
  );
}

/** Returns the tokens that a rank file has: all but the special ones. */
function ranksOf({ bytes, starts, special }: Vocabulary): (Uint8Array | undefined)[] {
  const apart = new Set(special);
  return Array.from({ length: starts.length - 1 }, (_, id) =>
    apart.has(id) ? undefined : bytes.subarray(starts[id], starts[id + 1]),
  );
}

function digestOf(tokens: readonly (Uint8Array | undefined)[]): string {
  const hash = createHash('sha256');
  for (const [id, token] of tokens.entries()) {
    if (token !== undefined && token.length > 0) hash.update(`${id} ${token.length} `).update(token);
  }
  return hash.digest('hex');
}
