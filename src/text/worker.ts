import { move, transferableSymbol, valueSymbol } from 'piscina';
import { limits, type TokenizerName } from '../model/index.js';
import type { EncodedTexts, Encoding, TextsToEncode } from './encoding.js';
import { loadEncoding, type VocabularyFile } from './load-encoding.js';
import { releaseBytes } from './mapped-bytes.js';
import type { DecodedText, TokensToDecode } from './tokenizers.js';
import { completeTokens, LongRun, tokensWithin } from './characters.js';
import { type Slices, Turns } from './slices.js';

/** Work of a call for a thread. */
interface Task {
  readonly encoding: TokenizerName | VocabularyFile;
  /** Shared with the caller, who sets it to 1 if the work is no longer wanted. */
  readonly cancelled: Int32Array;
  readonly isShort: boolean;
}

export interface EncodeTask extends Task {
  /** Moved to the thread if they are long. */
  readonly texts: TextsToEncode;
}

export interface DecodeTask extends Task {
  readonly items: readonly TokensToDecode[];
  readonly exact: boolean;
  readonly ends: boolean;
}

/** Refusals are returned as data: an error that crosses threads loses its class and its fields. */
export type EncodeOutcome = EncodedTexts | { readonly longRun: number };
export type DecodeOutcome = readonly DecodedText[] | { readonly unknownToken: number };

const strictUtf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const turns = new Turns();

/** Undefined: cancelled. */
export async function encode(task: EncodeTask): Promise<EncodeOutcome | undefined> {
  try {
    const encoding = await loadEncoding(task.encoding);
    const encoded = await inTurns(task, encoding.encode(task.texts));
    return encoded && withBuffer(encoded, encoded.le32.buffer);
  } catch (error) {
    if (error instanceof LongRun) return { longRun: error.text };
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

function inTurns<T>({ cancelled, isShort }: Task, work: Slices<T>): Promise<T | undefined> {
  return turns.run(work, isShort, () => Atomics.load(cancelled, 0) === 0);
}

/**
 * Decodes items. Ends with the first item that has more text than one answer takes; those after it are asked
 * for again.
 */
function* decodeItems(
  encoding: Encoding,
  { items, ...options }: Pick<DecodeTask, 'items' | 'exact' | 'ends'>,
): Slices<DecodeOutcome> {
  const texts: DecodedText[] = [];
  let bytes = 0;
  for (const item of items) {
    const decoded = yield* decodeItem(encoding, item, options);
    if ('unknownToken' in decoded) return decoded;
    texts.push(decoded);
    if (decoded.more) break;
    bytes += item.le32.length;
    if (bytes < sliceBytes) continue;
    bytes = 0;
    yield;
  }
  return texts;
}

/** Limit of the tokens of an item that are held back for the next one, so that it stays short. */
const heldTokensMax = 16 * 1024;
/** Limit of the le32 of short items that are decoded in one slice. */
const sliceBytes = 64 * 1024;

function* decodeItem(
  encoding: Encoding,
  item: TokensToDecode,
  { exact, ends: wantsEnds }: Pick<DecodeTask, 'exact' | 'ends'>,
): Slices<DecodedText | { unknownToken: number }> {
  // The bytes arrive by structured clone at any offset of a shared buffer: slice() aligns them.
  const le32 = item.le32.slice();
  const tokens = new Uint32Array(le32.buffer, 0, le32.length >> 2);
  const decoded = yield* encoding.decode(tokens, limits.chunkBytesMax);
  if ('unknownToken' in decoded) {
    if (!exact) return decoded;
    return { text: '', replaced: false, tokenCount: tokens.length, more: false, exact: false };
  }
  const { bytes, ends } = decoded;
  const more = bytes.length > limits.chunkBytesMax;
  const fitting = more ? ends.subarray(0, tokensWithin(ends, limits.chunkBytesMax)) : ends;
  const isEnd = item.last && !more;
  const tokenCount = isEnd ? ends.length : completeTokens(bytes, fitting);
  const end = tokenCount === 0 ? 0 : ends[tokenCount - 1]!;
  const text = toText(bytes.subarray(0, end));
  const endsOf = (count: number) => (wantsEnds && !text.replaced ? { ends: ends.slice(0, count) } : {});
  const whole = { ...text, ...endsOf(tokenCount), tokenCount, more };
  if (!exact) return { ...whole, exact: true };
  const count = whole.replaced
    ? undefined
    : yield* encoding.exactTokens(bytes.subarray(0, end), tokens.subarray(0, tokenCount), isEnd);
  if (count === undefined || tokenCount - count > heldTokensMax) return { ...whole, exact: false };
  if (count === tokenCount) return { ...whole, exact: true };
  // The rest may be split otherwise with what follows: it is decoded with that.
  const part = { ...toText(bytes.subarray(0, ends[count - 1])), ...endsOf(count) };
  return { ...part, tokenCount: count, more, exact: true };
}

function toText(bytes: Uint8Array): Pick<DecodedText, 'text' | 'replaced'> {
  try {
    return { text: strictUtf8.decode(bytes), replaced: false };
  } catch {
    return { text: lenientUtf8.decode(bytes), replaced: true };
  }
}
