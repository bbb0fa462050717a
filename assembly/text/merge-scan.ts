// Byte-pair encoding of a short piece: looks at all pairs for every merge.
import { rankAt, slotOf, tokenAt } from './pairs';
import { NONE, tokenOfByte } from './vocabulary';

/** Bytes of a piece up to which this is faster than a heap. */
export const SCAN_MAX: u32 = 96;

/** u32 by place: the token; the rank of the pair with the one after it; what that pair becomes. */
const tokens: usize = memory.data(4 * 128, 16);
const ranks: usize = memory.data(4 * 128, 16);
const merged: usize = memory.data(4 * 128, 16);

/** Writes the tokens of `length` bytes at `out`, u32 each, and returns their end. */
export function mergeByScan(at: usize, length: u32, out: usize): usize {
  assert(length <= SCAN_MAX);
  let left = length;
  let least = NONE;
  let best: u32 = 0;
  let before = tokenOfByte(load<u8>(at));
  store<u32>(tokens, before);
  for (let i: u32 = 1; i < length; i++) {
    const token = tokenOfByte(load<u8>(at + i));
    store<u32>(tokens + ((<usize>i) << 2), token);
    const rank = look(i - 1, before, token);
    if (rank < least) {
      least = rank;
      best = i - 1;
    }
    before = token;
  }
  while (least != NONE) {
    left--;
    merge(best, left);
    least = NONE;
    for (let i: u32 = 0; i + 1 < left; i++) {
      const rank = load<u32>(ranks + ((<usize>i) << 2));
      if (rank < least) {
        least = rank;
        best = i;
      }
    }
  }
  memory.copy(out, tokens, (<usize>left) << 2);
  return out + ((<usize>left) << 2);
}

/** Merges the pair at `place`; `left`: tokens afterwards. */
function merge(place: u32, left: u32): void {
  const token = load<u32>(merged + ((<usize>place) << 2));
  store<u32>(tokens + ((<usize>place) << 2), token);
  for (let i = place + 1; i < left; i++) {
    const at = (<usize>i) << 2;
    store<u32>(tokens + at, load<u32>(tokens + at, 4));
    store<u32>(ranks + at, load<u32>(ranks + at, 4));
    store<u32>(merged + at, load<u32>(merged + at, 4));
  }
  if (place + 1 < left) look(place, token, load<u32>(tokens + ((<usize>place) << 2), 4));
  if (place > 0) look(place - 1, load<u32>(tokens + ((<usize>(place - 1)) << 2)), token);
}

function look(place: u32, left: u32, right: u32): u32 {
  const slot = slotOf(left, right);
  const rank = rankAt(slot);
  store<u32>(ranks + ((<usize>place) << 2), rank);
  store<u32>(merged + ((<usize>place) << 2), tokenAt(slot));
  return rank;
}
