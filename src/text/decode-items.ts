import { limits } from '../model/index.js';
import { completeTokens, tokensWithin } from './characters.js';
import type { Encoding, TokenBytes } from './encoding.js';
import type { Slices } from './slices.js';
import { beginsWithSpace } from './space-marks.js';
import type { DecodedText, TokensToDecode } from './tokenizers.js';

export interface ItemsToDecode {
  readonly items: readonly TokensToDecode[];
  readonly exact: boolean;
  readonly ends: boolean;
}

/** Parts of a tokenizer by which its tokens are read. */
export type TokenDecoder = Pick<Encoding, 'decode' | 'stripsSpace' | 'exactTokens'>;

export type DecodeOutcome = readonly DecodedText[] | { readonly unknownToken: number };

const strictUtf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Decodes items. Ends with the first item that has more text than one answer takes; those after it are asked
 * for again.
 */
export function* decodeItems(
  encoding: TokenDecoder,
  { items, ...options }: ItemsToDecode,
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
  encoding: TokenDecoder,
  item: TokensToDecode,
  { exact, ends: wantsEnds }: Omit<ItemsToDecode, 'items'>,
): Slices<DecodedText | { unknownToken: number }> {
  // A copy is aligned; the bytes may stand at any offset. (slice() of a Buffer would be no copy.)
  const le32 = new Uint8Array(item.le32);
  const tokens = new Uint32Array(le32.buffer, 0, le32.length >> 2);
  const decoded = yield* encoding.decode(tokens, limits.chunkBytesMax);
  if ('unknownToken' in decoded) {
    if (!exact) return decoded;
    return { text: '', replaced: false, tokenCount: tokens.length, more: false, exact: false };
  }
  const isFirst = item.first ?? true;
  const { bytes, ends } = isFirst && encoding.stripsSpace ? withoutSpace(decoded) : decoded;
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
    : yield* encoding.exactTokens(
        bytes.subarray(0, end),
        tokens.subarray(0, tokenCount),
        isFirst && isEnd,
        isEnd,
      );
  if (count === undefined || tokenCount - count > heldTokensMax) return { ...whole, exact: false };
  if (count === tokenCount) return { ...whole, exact: true };
  // The rest may be split otherwise with what follows: it is decoded with that.
  const part = { ...toText(bytes.subarray(0, ends[count - 1])), ...endsOf(count) };
  return { ...part, tokenCount: count, more, exact: true };
}

/** Returns decoded tokens without the space that was put before their text. */
function withoutSpace({ bytes, ends }: TokenBytes): TokenBytes {
  if (!beginsWithSpace(bytes)) return { bytes, ends };
  return { bytes: bytes.subarray(1), ends: ends.map((end) => end - 1) };
}

function toText(bytes: Uint8Array): Pick<DecodedText, 'text' | 'replaced'> {
  try {
    return { text: strictUtf8.decode(bytes), replaced: false };
  } catch {
    return { text: lenientUtf8.decode(bytes), replaced: true };
  }
}
