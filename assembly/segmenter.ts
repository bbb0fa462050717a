// Splits a long message by its content: a rolling hash over the tokens sets the borders, so that a text
// pasted into another message is split at the same places. Normalised chunking after W. Xia et al., "FastCDC"
// (2016): before the target size a border is four times rarer, after it four times more frequent, than one in
// `target`.
import { INPUT, OUTPUT, unpackLe32 } from './varint';

/**
 * Table by border: the offset in the piece and the tokens of the segment that ends there, u32 each. It
 * overwrites the piece itself, which has been unpacked: 8 bytes a border, and no segment has fewer tokens
 * than that.
 */
export const CUTS: usize = INPUT;
const SIZE_MIN: u32 = 8;

let sizeMin: u32 = 0;
let sizeTarget: u32 = 0;
let sizeMax: u32 = 0;
let rareLimit: u32 = 0;
let frequentLimit: u32 = 0;
/** Gear hash: a token's bits are shifted out at the top after 32 tokens. */
let hash: u32 = 0;
let size: u32 = 0;

/** Begins a message. Sizes in tokens; 8 <= least <= target <= most. */
export function beginCuts(least: u32, target: u32, most: u32): void {
  sizeMin = least > SIZE_MIN ? least : SIZE_MIN;
  sizeTarget = target;
  sizeMax = most;
  const even = u32.MAX_VALUE / target;
  rareLimit = even >>> 2;
  frequentLimit = even < (<u32>1) << 30 ? even << 2 : u32.MAX_VALUE;
  hash = 0;
  size = 0;
}

/** Takes the varints of INPUT[0, length). Returns the number of borders at CUTS, or MALFORMED. */
export function findCuts(length: i32): i32 {
  const count = unpackLe32(length);
  if (count < 0) return count;
  let cuts = 0;
  let bytes: u32 = 0;
  for (let i = 0; i < count; i++) {
    const token = load<u32>(OUTPUT + ((<usize>i) << 2));
    bytes += varintBytes(token);
    // Tokens are numbered by frequency, so their bits are mixed before they are shifted through.
    hash = (hash << 1) + mix(token);
    size++;
    if (size < sizeMin) continue;
    if (size < sizeMax && hash > (size < sizeTarget ? rareLimit : frequentLimit)) continue;
    const cut = CUTS + ((<usize>cuts) << 3);
    store<u32>(cut, bytes);
    store<u32>(cut, size, 4);
    cuts++;
    size = 0;
    hash = 0;
  }
  return cuts;
}

/** Returns the number of tokens after the last border. */
export function uncutTokens(): u32 {
  return size;
}

function varintBytes(token: u32): u32 {
  return token < 0x80 ? 1 : token < 0x4000 ? 2 : token < 0x20_0000 ? 3 : token < 0x1000_0000 ? 4 : 5;
}

function mix(token: u32): u32 {
  let mixed = token * 0x9e37_79b1;
  mixed = (mixed ^ (mixed >>> 15)) * 0x85eb_ca6b;
  return mixed ^ (mixed >>> 13);
}
