import { createRequire } from 'node:module';
import {
  limits,
  StowkenError,
  type TokenizerName,
  tokenizerNamed,
  tokenizerNames,
  tokenizerOfModel,
} from '../model/index.js';
import { FairSlots } from '../queue/index.js';
import { ThreadPool } from '../threads/index.js';
import { openChatTemplate } from './chat/chat-template.js';
import { LongRun } from './characters.js';
import { ChatRenderer } from './chat/renderer.js';
import { type DecodeOutcome, decodeItems } from './decode-items.js';
import { describeBuilt, describeGiven } from './describe.js';
import type { ComparedShingles } from './compare-shingles.js';
import type { Encoding, TextsToEncode } from './encoding.js';
import type { GivenTokenizer } from './files/read-tokenizer.js';
import type { VocabularyFile } from './load-encoding.js';
import { isLibraryFile } from './library/library-file.js';
import { MappedBytes, releaseBytes } from './mapped-bytes.js';
import { OwnEncodings } from './own-encodings.js';
import { runInTurns, runThrough } from './slices.js';
import type { TokenizerPool } from './tokenizers.js';
import { RecentSpellings, type TokenSpellings } from './spellings.js';
import { unknownTokenizer } from './unknown-tokenizer.js';
import type { CompareTask, DecodeTask, EncodeOutcome, EncodeTask, SpellTask } from './worker.js';

export interface TokenizerPoolOptions {
  /** Limit of worker threads; each that has worked keeps an encoding's tables, 7 to 30 MB. */
  readonly threadsMax: number;
  /** Limit of the tokenizers that are loaded in the calling thread too, for short texts. */
  readonly loadedHereMax?: number;
  /** Tokenizers beside those that come with the program. */
  readonly given?: readonly GivenTokenizer[];
}

/**
 * Limit, in bytes of text, of a call that goes before longer ones, and needs no other thread: that would cost
 * as much as to encode 40,000 bytes. It is done in slices of a millisecond.
 */
const shortTextMax = 64 * 1024;
/** The same in bytes of tokens: at most a millisecond of work. */
const shortTokensMax = 16 * 1024;

/**
 * Creates tokenizers; threads start with the first text. Short texts of a tokenizer that is used again and
 * again are converted here. Each thread shares itself between all its calls, a
 * slice at a time: a cancelled call ends with its slice, and the thread continues with the others.
 */
export function createTokenizers({
  threadsMax,
  loadedHereMax = 4,
  given = [],
}: TokenizerPoolOptions): TokenizerPool {
  const files = new Map(given.map((each) => [each.name, each]));
  const names = [...tokenizerNames, ...files.keys()];
  const pool = new ThreadPool({
    filename: createRequire(import.meta.url).resolve('#build/programs/text/worker.js'),
    minThreads: 0,
    maxThreads: threadsMax,
    concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
    // Prefers an idle thread; else a new one is started; else the one with the fewest calls is used. One
    // thread has all work of the library, which encodes in threads that the whole process has for files.
    loadBalancer: ({ name }, threads) => {
      if (threads.length === 0) return null;
      if (name.endsWith('ByLibrary')) return threads[0]!;
      const least = threads.reduce((a, b) => (b.currentUsage < a.currentUsage ? b : a));
      return least.currentUsage === 0 || threads.length >= threadsMax ? least : null;
    },
    idleTimeout: 300_000,
  });
  const own = new OwnEncodings(loadedHereMax);
  const renderer = new ChatRenderer();
  const recentSpellings = new RecentSpellings();
  let shingleTargets = 0;
  let isClosed = false;
  // A text being encoded exists twice, beside its tokens, so the number of long texts at once is limited.
  const longTexts = new FairSlots<undefined>({
    countMax: limits.longTextsPerThreadMax * threadsMax,
    weightMax: limits.longTextsBytesMax,
  });

  async function run<Outcome>(
    name: 'encode' | 'encodeByLibrary' | 'decode' | 'decodeByLibrary' | 'compare' | 'spell',
    task: Omit<EncodeTask | DecodeTask | CompareTask | SpellTask, TaskOwn>,
    isShort: boolean,
    signal: AbortSignal,
    transferList: ArrayBuffer[] = [],
  ): Promise<Outcome> {
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const onAbort = (): void => void Atomics.store(cancelled, 0, 1);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      // A pool that was ended would start a thread again.
      if (isClosed) throw new Error('the threads were ended');
      const outcome = (await pool.run({ ...task, isShort, cancelled }, { name, transferList })) as
        Outcome | undefined;
      signal.throwIfAborted();
      return outcome!;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  const isOfLibrary = (encoding: TokenizerName | VocabularyFile) =>
    typeof encoding !== 'string' && isLibraryFile(encoding.file);

  /** Returns the tokenizer if it is loaded in this thread; the library's are in another one. */
  function ownEncoding(encoding: TokenizerName | VocabularyFile): Encoding | undefined {
    return isOfLibrary(encoding) ? undefined : own.use(encoding);
  }

  /** Encodes once there is room for so much text. */
  async function encode(
    encoding: TokenizerName | VocabularyFile,
    texts: readonly Uint8Array[],
    signal: AbortSignal,
    specials: boolean,
  ): Promise<EncodeOutcome> {
    const size = texts.reduce((sum, { length }) => sum + length, 0);
    const name = isOfLibrary(encoding) ? 'encodeByLibrary' : 'encode';
    if (size <= shortTextMax) {
      signal.throwIfAborted();
      const here = ownEncoding(encoding);
      if (here) return encodeHere(here, texts, specials, signal);
      return run(name, { encoding, texts: { ...join(texts, size), specials } }, true, signal);
    }
    const leave = await longTexts.enter({ owner: undefined, weight: 2 * size, signal });
    try {
      const task = { encoding, texts: { ...(alone(texts) ?? join(texts, size)), specials } };
      const { buffer } = task.texts.utf8;
      return await run<EncodeOutcome>(name, task, false, signal, [buffer]);
    } finally {
      leave();
    }
  }

  /** Rethrows an error; as what ended the call, if it was cancelled or the threads were ended under it. */
  function rethrow(error: unknown, signal: AbortSignal): never {
    if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled', {}, { cause: error });
    if (isClosed)
      throw new StowkenError('SHUTTING_DOWN', 'the server is shutting down', {}, { cause: error });
    throw error;
  }

  function encodingOf(tokenizer: string | VocabularyFile): TokenizerName | VocabularyFile {
    const file = typeof tokenizer === 'string' ? files.get(tokenizer) : tokenizer;
    // Nothing else of it is sent to a thread.
    if (file !== undefined) return { sha256: file.sha256, file: file.file };
    const known = tokenizerNamed(tokenizer as string);
    if (known === undefined) throw unknownTokenizer(tokenizer as string, names);
    return known;
  }

  return {
    known: names,
    resolve: (name) => files.get(name)?.name ?? tokenizerNamed(name),
    has: async (name) => files.has(name) || tokenizerNamed(name) !== undefined,
    ofModel: tokenizerOfModel,
    given: (name) => files.get(name),
    describe: async () => [...(await describeBuilt()), ...given.map(describeGiven)],

    async encode(tokenizer, texts, signal, { specials } = { specials: false }) {
      const encoding = encodingOf(tokenizer);
      const outcome = await encode(encoding, texts, signal, specials).catch((error: unknown) =>
        rethrow(error, signal),
      );
      if ('longRun' in outcome) throw longRun(outcome.longRun);
      if ('longText' in outcome) throw longText(outcome.longText);
      if ('noLibrary' in outcome) throw noLibrary(tokenizer, outcome.noLibrary, names);
      const { le32, ends } = outcome;
      return {
        le32: texts.map((_, index) => le32.subarray(ends[index - 1] ?? 0, ends[index])),
        release: () => releaseBytes(le32),
      };
    },

    async decode(tokenizer, items, signal, { exact, ends = false } = { exact: false }) {
      const task = { encoding: encodingOf(tokenizer), items, exact, ends };
      const size = items.reduce((sum, { le32 }) => sum + le32.length, 0);
      const isShort = size <= shortTokensMax;
      const here = isShort && !signal.aborted ? ownEncoding(task.encoding) : undefined;
      const name = isOfLibrary(task.encoding) ? 'decodeByLibrary' : 'decode';
      const outcome = here
        ? runThrough(decodeItems(here, task))
        : await run<DecodeOutcome>(name, task, isShort, signal).catch((error: unknown) =>
            rethrow(error, signal),
          );
      if (!('unknownToken' in outcome)) return outcome;
      const token = String(outcome.unknownToken);
      const of = typeof tokenizer === 'string' ? tokenizer : tokenizer.sha256;
      throw new StowkenError('UNDECODABLE_TOKEN', `tokenizer ${of} has no token ${token}`, {
        tokenizer: of,
        token,
      });
    },

    spellings(tokenizer) {
      const encoding = encodingOf(tokenizer);
      return recentSpellings.of(encoding, () =>
        run<TokenSpellings>('spell', { encoding }, true, unended).catch((error: unknown) =>
          rethrow(error, unended),
        ),
      );
    },

    shingleTarget: (segments) => ({ number: ++shingleTargets, segments }),

    compare: (shingles, signal) =>
      run<ComparedShingles>('compare', shingles, false, signal).catch((error: unknown) =>
        rethrow(error, signal),
      ),

    async chatTemplate(tokenizer) {
      const chat = files.get(tokenizer)?.chat;
      return chat && openChatTemplate(chat.file);
    },
    render: (input, signal) => renderer.render(input, signal),

    async close() {
      isClosed = true;
      await Promise.all([pool.close(), renderer.close()]);
    },
  };
}

async function encodeHere(
  encoding: Encoding,
  texts: readonly Uint8Array[],
  specials: boolean,
  signal: AbortSignal,
): Promise<EncodeOutcome> {
  try {
    return await runInTurns(encoding.encodeShort(texts, specials), signal);
  } catch (error) {
    if (error instanceof LongRun) return { longRun: error.text };
    throw error;
  }
}

/** Returns a single text that is alone in mapped memory: it can be moved without a copy. */
function alone(texts: readonly Uint8Array[]): TextsToEncode | undefined {
  const [text, ...others] = texts as readonly Uint8Array<ArrayBuffer>[];
  if (text === undefined || others.length > 0 || text.byteOffset !== 0 || !text.buffer.resizable)
    return undefined;
  return { utf8: text, ends: Uint32Array.of(text.length) };
}

/** `size`: bytes of all texts. */
function join(texts: readonly Uint8Array[], size: number): TextsToEncode {
  const joined = new MappedBytes(size);
  const ends = new Uint32Array(texts.length);
  for (const [index, text] of texts.entries()) {
    joined.add(text);
    ends[index] = joined.length;
  }
  return { utf8: joined.finish(), ends };
}

type TaskOwn = 'cancelled' | 'isShort';

/** Signal of work that many calls wait for. */
const unended = new AbortController().signal;

/** `text`: index of the text. */
function longRun(text: number): StowkenError {
  const limit = limits.textRunBytesMax;
  return new StowkenError(
    'REQUEST_TOO_LARGE',
    `has more than ${limit} bytes of letters, spaces or punctuation marks in a row`,
    { text: String(text), limit: String(limit) },
  );
}

/** `text`: index of the text. */
function longText(text: number): StowkenError {
  const limit = limits.libraryTextBytesMax;
  return new StowkenError(
    'REQUEST_TOO_LARGE',
    `has more than ${limit} bytes of text, which its tokenizer takes at once (the package tokenizers encodes it)`,
    { text: String(text), limit: String(limit) },
  );
}

function noLibrary(tokenizer: string | VocabularyFile, why: string, known: readonly string[]): StowkenError {
  const name = typeof tokenizer === 'string' ? tokenizer : tokenizer.sha256;
  return new StowkenError('UNKNOWN_TOKENIZER', why, { tokenizer: name, known: known.join(', ') });
}
