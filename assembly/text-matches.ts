// Finds the tokens ahead in the registry's text: a table of every fourth place, by a hash of the tokens
// there.
import { reserveZeroed } from './memory';
import * as tables from './registry/tables';

/**
 * Tokens that are hashed, and distance of the places that are listed: a shared passage of 11 is always found.
 */
const HASHED: u32 = 8;
const STEP: usize = 4;

/**
 * Bits of the tag in a slot { number of the place u18, tag u14 }: a part of the hash that is never 0; an
 * empty slot is 0.
 */
const TAG_BITS: u32 = 14;
const TAG_MASK: u32 = (1 << TAG_BITS) - 1;

let slots: usize = 0;
let shift: u64 = 0;
let off: bool = false;

/** Lists the text of the loaded registry; false if there is no memory. */
export function prepareText(): bool {
  const places = <u32>((tables.textEnd - tables.text) >>> 4);
  let bits: u64 = 4;
  while ((<u32>1) << (<u32>bits) < places) bits++;
  slots = reserveZeroed((<usize>4) << (<usize>bits));
  if (slots == 0) return false;
  shift = 64 - bits;
  const last = tables.textEnd - ((<usize>HASHED) << 2);
  for (let place = tables.text; places > 0 && place <= last; place += STEP << 2) {
    const hash = hashOf(place);
    const slot = slotOf(hash);
    if (load<u32>(slot) != 0) continue;
    store<u32>(slot, ((<u32>((place - tables.text) / (STEP << 2))) << TAG_BITS) | tagOf(hash));
  }
  return true;
}

/** Turns the search off while the text itself is encoded. */
export function turnOff(yes: bool): void {
  off = yes || tables.text == tables.textEnd;
}

function hashOf(at: usize): u64 {
  const mixed =
    load<u64>(at) * 0x9e37_79b9_7f4a_7c15 +
    load<u64>(at, 8) * 0xc2b2_ae3d_27d4_eb4f +
    load<u64>(at, 16) * 0x1656_67b1_9e37_79f9 +
    load<u64>(at, 24) * 0x27d4_eb2f_1656_67c5;
  return (mixed ^ (mixed >>> 29)) * 0xbf58_476d_1ce4_e5b9;
}
function slotOf(hash: u64): usize {
  return slots + ((<usize>(hash >>> shift)) << 2);
}
function tagOf(hash: u64): u32 {
  return ((<u32>(hash >>> 32)) & TAG_MASK) | 1;
}

/** Returns a place of the text with the next tokens, of `words` from i on; 0 if there is none. */
export function find(words: usize, i: u32, end: u32): usize {
  if (off || end - i < HASHED) return 0;
  const at = words + ((<usize>i) << 2);
  const hash = hashOf(at);
  const slot = load<u32>(slotOf(hash));
  if ((slot & TAG_MASK) != tagOf(hash)) return 0;
  const place = tables.text + <usize>(slot >>> TAG_BITS) * (STEP << 2);
  const same = v128.and(
    i32x4.eq(v128.load(place), v128.load(at)),
    i32x4.eq(v128.load(place, 16), v128.load(at, 16)),
  );
  return i32x4.all_true(same) ? place : 0;
}

/** Returns how many tokens are equal from that place on. */
export function lengthAt(words: usize, i: u32, end: u32, place: usize): u32 {
  const at = words + ((<usize>i) << 2);
  const ofText = tables.textEnd - place;
  const ofSegment = (<usize>(end - i)) << 2;
  const most = ofText < ofSegment ? ofText : ofSegment;
  // Up to three tokens behind the last one are read.
  for (let k = (<usize>HASHED) << 2; k < most; k += 16) {
    const differ = i32x4.bitmask(i32x4.ne(v128.load(place + k), v128.load(at + k)));
    if (differ == 0) continue;
    const same = k + ((<usize>ctz(differ)) << 2);
    return <u32>((same < most ? same : most) >>> 2);
  }
  return <u32>(most >>> 2);
}

/** Returns the distance from the place to the segment's first token. */
export function tokensFrom(place: usize): u32 {
  return <u32>((tables.textEnd - place) >>> 2);
}
