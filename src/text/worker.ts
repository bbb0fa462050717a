import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { TokenizerName } from '../model/index.js';
import { type DecodeOutcome, decodeItems, type ItemsToDecode } from './decode-items.js';
import { compareShingles, type ComparedShingles, type ShinglesToCompare } from './compare-shingles.js';
import type { EncodedTexts, TextsToEncode } from './encoding.js';
import { loadEncoding, type VocabularyFile } from './load-encoding.js';
import { NoLibrary } from './library/peer.js';
import { releaseBytes } from './mapped-bytes.js';
import { LongRun, LongText } from './characters.js';
import { libraryEncoding, type LibraryEncoding, type LibraryTask } from './library/library-encoding.js';
import { type Slices, Turns } from './slices.js';
import { readSpellings, type TokenSpellings } from './spellings.js';

/** Work of a call for a thread. */
interface Wanted {
  /** Shared with the caller, who sets it to 1 if the work is no longer wanted. */
  readonly cancelled: Int32Array;
  readonly isShort: boolean;
}

interface Task extends Wanted {
  readonly encoding: TokenizerName | VocabularyFile;
}

export interface EncodeTask extends Task {
  /** Moved to the thread if they are long. */
  readonly texts: TextsToEncode;
}

export type DecodeTask = Task & ItemsToDecode;

export type SpellTask = Task;

export type CompareTask = Wanted & ShinglesToCompare;

/** Refusals are returned as data: an error that crosses threads loses its class and its fields. */
export type EncodeOutcome =
  | EncodedTexts
  | { readonly longRun: number }
  | { readonly longText: number }
  | { readonly noLibrary: string };

const turns = new Turns();

/** Undefined: cancelled. */
export function encode(task: EncodeTask): Promise<EncodeOutcome | undefined> {
  return outcomeOf(task, async () => inTurns(task, (await loadEncoding(task.encoding)).encode(task.texts)));
}

/** Encodes with a tokenizer of the library. Undefined: cancelled. */
export function encodeByLibrary(task: EncodeTask): Promise<EncodeOutcome | undefined> {
  return outcomeOf(task, () => libraryOf(task).encode(task.texts, libraryTask(task)));
}

async function outcomeOf(
  task: EncodeTask,
  encodes: () => Promise<EncodedTexts | undefined>,
): Promise<EncodeOutcome | undefined> {
  try {
    const encoded = await encodes();
    return encoded && withBuffer(encoded, encoded.le32.buffer);
  } catch (error) {
    if (error instanceof LongRun) return { longRun: error.text };
    if (error instanceof LongText) return { longText: error.text };
    if (error instanceof NoLibrary) return { noLibrary: error.message };
    throw error;
  } finally {
    releaseBytes(task.texts.utf8);
  }
}

/** Returns a result whose buffer is moved to the caller, not copied. */
function withBuffer<T>(result: T, buffer: ArrayBuffer): T {
  return move({ [transferableSymbol]: buffer, [valueSymbol]: result } as never) as T;
}

/** Undefined: cancelled. */
export async function decode(task: DecodeTask): Promise<DecodeOutcome | undefined> {
  return inTurns(task, decodeItems(await loadEncoding(task.encoding), task));
}

/** Decodes with a tokenizer of the library. Undefined: cancelled. */
export async function decodeByLibrary(task: DecodeTask): Promise<DecodeOutcome | undefined> {
  return libraryOf(task).decodeItems(task, libraryTask(task));
}

/** Reads the bytes of each token. */
export function spell({ encoding }: SpellTask): Promise<TokenSpellings> {
  return readSpellings(encoding);
}

function libraryOf({ encoding }: Task): LibraryEncoding {
  return libraryEncoding(encoding as VocabularyFile);
}

const libraryTask = (task: Task): LibraryTask => ({
  isShort: task.isShort,
  isWanted: () => Atomics.load(task.cancelled, 0) === 0,
  run: (work) => inTurns(task, work),
});

/** Undefined: cancelled. */
export async function compare(task: CompareTask): Promise<ComparedShingles | undefined> {
  return inTurns(task, compareShingles(task));
}

function inTurns<T>({ cancelled, isShort }: Wanted, work: Slices<T>): Promise<T | undefined> {
  return turns.run(work, isShort, () => Atomics.load(cancelled, 0) === 0);
}
