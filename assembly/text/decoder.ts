// Tokens to bytes.
import { reserve } from '../memory';
import { bytesOf, count, sizeOf } from './vocabulary';

/** Bytes of a token that stand in its slot, with their number in the last byte; LONG: they are looked up. */
const SLOT_BYTES: u32 = 15;
const LONG: u32 = 255;

/** 16 bytes by id. */
let slots: usize = 0;
/** Tokens that decodeTokens() did, and why it stopped: 1 at an id without a token. */
export let done: u32 = 0;
export let isUnknown: bool = false;

/** The vocabulary is set. False: no memory. */
export function prepareDecoder(): bool {
  slots = reserve((<usize>count) << 4);
  if (slots == 0) return false;
  memory.fill(slots, 0, (<usize>count) << 4);
  for (let id: u32 = 0; id < count; id++) {
    const slot = slots + ((<usize>id) << 4);
    const length = sizeOf(id);
    if (length <= SLOT_BYTES) memory.copy(slot, bytesOf(id), length);
    store<u8>(slot, length <= SLOT_BYTES ? length : LONG, SLOT_BYTES);
  }
  return true;
}

/**
 * Writes the bytes of tokens (u32 each) at `out`, which has room for `bytesMax` and 16 more, and at `ends`
 * where each token's bytes end, u32. Stops before a token that finds no room or is unknown. Returns the
 * number of bytes.
 */
export function decodeTokens(tokens: usize, tokenCount: u32, out: usize, bytesMax: u32, ends: usize): u32 {
  let length: u32 = 0;
  isUnknown = false;
  for (done = 0; done < tokenCount; done++) {
    const id = load<u32>(tokens + ((<usize>done) << 2));
    const slot = slots + ((<usize>id) << 4);
    let size: u32 = id < count ? load<u8>(slot, SLOT_BYTES) : 0;
    if (size == 0) {
      isUnknown = true;
      break;
    }
    if (size == LONG) size = sizeOf(id);
    if (size > bytesMax - length) break;
    if (size <= SLOT_BYTES) v128.store(out + length, v128.load(slot));
    else memory.copy(out + length, bytesOf(id), size);
    length += size;
    store<u32>(ends + ((<usize>done) << 2), length);
  }
  return length;
}
