import { limits } from '../model/index.js';
import { loadEncoding, type Encoding } from './encoding.js';
import type { EncodingName } from './names.js';
import type { DecodedText, WordsToDecode } from './tokenizers.js';
import { completeTokens, tokensWithin } from './utf8.js';

export interface EncodeTask {
  readonly encoding: EncodingName;
  readonly texts: readonly string[];
}

export interface DecodeTask {
  readonly encoding: EncodingName;
  readonly items: readonly WordsToDecode[];
}

/** An unknown token comes back as data: an error that crosses threads keeps neither its class nor its fields. */
export type DecodeOutcome = readonly DecodedText[] | { readonly unknownToken: number };

const strictUtf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export async function encode(task: EncodeTask): Promise<Uint8Array[]> {
  const encoding = await loadEncoding(task.encoding);
  return task.texts.map((text) => encoding.encode(text));
}

export async function decode(task: DecodeTask): Promise<DecodeOutcome> {
  const encoding = await loadEncoding(task.encoding);
  const texts: DecodedText[] = [];
  for (const item of task.items) {
    const decoded = decodeItem(encoding, item);
    if ('unknownToken' in decoded) return decoded;
    texts.push(decoded);
  }
  return texts;
}

function decodeItem(encoding: Encoding, item: WordsToDecode): DecodedText | { unknownToken: number } {
  // Words arrive by structured clone at any offset of a shared buffer: slice() aligns them.
  const words = item.words.slice();
  const decoded = encoding.bytes(new Uint32Array(words.buffer, 0, words.length >> 2));
  if ('unknownToken' in decoded) return decoded;
  const { bytes, ends } = decoded;
  const more = bytes.length > limits.chunkBytesMax;
  const fitting = more ? ends.subarray(0, tokensWithin(ends, limits.chunkBytesMax)) : ends;
  const tokenCount = item.last && !more ? ends.length : completeTokens(bytes, fitting);
  const end = tokenCount === 0 ? 0 : ends[tokenCount - 1]!;
  return { ...toText(bytes.subarray(0, end)), tokenCount, more };
}

function toText(bytes: Uint8Array): Pick<DecodedText, 'text' | 'replaced'> {
  try {
    return { text: strictUtf8.decode(bytes), replaced: false };
  } catch {
    return { text: lenientUtf8.decode(bytes), replaced: true };
  }
}
