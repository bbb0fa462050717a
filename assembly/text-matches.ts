// Where the registry's text has the tokens ahead: a table of every fourth place, by a hash of what begins there.
import { reserveZeroed } from './memory';
import * as tables from './registry/tables';

/** Tokens that are hashed, and between the places that are listed: a shared passage of 11 is always found. */
const HASHED: u32 = 8;
const STEP: usize = 4;

let slots: usize = 0; // u32 address of a place in the text, 0: none
let shift: u64 = 0;
let off: bool = false;

/** Lists the text of the registry that is loaded; false when there is no memory. */
export function prepareText(): bool {
  const places = <u32>((tables.textEnd - tables.text) >>> 4);
  let bits: u64 = 4;
  while ((<u32>1) << (<u32>bits) < places) bits++;
  slots = reserveZeroed((<usize>4) << (<usize>bits));
  if (slots == 0) return false;
  shift = 64 - bits;
  const last = tables.textEnd - ((<usize>HASHED) << 2);
  for (let place = tables.text; places > 0 && place <= last; place += STEP << 2) {
    const slot = slotOf(place);
    if (load<u32>(slot) == 0) store<u32>(slot, <u32>place);
  }
  return true;
}

/** While the text itself is encoded, nothing is found. */
export function turnOff(yes: bool): void {
  off = yes || tables.text == tables.textEnd;
}
export function isOff(): bool {
  return off;
}

function slotOf(at: usize): usize {
  const mixed =
    load<u64>(at) * 0x9e37_79b9_7f4a_7c15 +
    load<u64>(at, 8) * 0xc2b2_ae3d_27d4_eb4f +
    load<u64>(at, 16) * 0x1656_67b1_9e37_79f9 +
    load<u64>(at, 24) * 0x27d4_eb2f_1656_67c5;
  return slots + ((<usize>(((mixed ^ (mixed >>> 29)) * 0xbf58_476d_1ce4_e5b9) >>> shift)) << 2);
}

/** A place of the text that begins with the next tokens, of `words` from i on; 0 when there is none. */
export function find(words: usize, i: u32, end: u32): usize {
  if (end - i < HASHED) return 0;
  const at = words + ((<usize>i) << 2);
  const place = <usize>load<u32>(slotOf(at));
  if (place == 0) return 0;
  for (let k: usize = 0; k < (<usize>HASHED) << 2; k += 8)
    if (load<u64>(place + k) != load<u64>(at + k)) return 0;
  return place;
}

/** How many tokens the text has from that place on. */
export function lengthAt(words: usize, i: u32, end: u32, place: usize): u32 {
  const at = words + ((<usize>i) << 2);
  const most = (<usize>(end - i)) << 2;
  let k = (<usize>HASHED) << 2;
  while (k < most && place + k < tables.textEnd && load<u32>(place + k) == load<u32>(at + k)) k += 4;
  return <u32>(k >>> 2);
}

/** How far before the segment's first token the place is. */
export function tokensFrom(place: usize): u32 {
  return <u32>((tables.textEnd - place) >>> 2);
}
