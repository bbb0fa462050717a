// Range asymmetric numeral systems with a 64-bit state and 32-bit words (J. Duda; the layout after F.
// Giesen's rans64). The state starts at 0 and the last word is truncated, so that a short segment needs no
// flush: the first (length - 1) % 4 + 5 bytes, or all if there are 8 or fewer, are the state. When the state
// is below 2^32, the reader takes in a word, as long as there are words.

export const LOW: u64 = 1 << 32;

// Writing: events come in reading order and are coded from the last to the first.

let events: usize = 0;
let eventsEnd: usize = 0;
let eventsLimit: usize = 0;

export const EVENT_BYTES: usize = 8;

export function startEvents(at: usize, limit: usize): void {
  events = at;
  eventsEnd = at;
  eventsLimit = limit;
}

/** Adds an event of `frequency` slots of 2^bits, from `start`; false if there is no room. */
export function pushEvent(start: u32, frequency: u32, bits: u32): bool {
  if (eventsEnd == eventsLimit) return false;
  store<u64>(eventsEnd, (<u64>start) | ((<u64>frequency) << 24) | ((<u64>bits) << 56));
  eventsEnd += EVENT_BYTES;
  return true;
}

/** Adds raw bits, up to 20. */
export function pushBits(value: u32, bits: u32): bool {
  return bits == 0 || pushEvent(value, 1, bits);
}

/**
 * Writes the events backwards from `end`, not below `start`; returns their begin, or 0 if there is no room.
 */
export function writeEvents(start: usize, end: usize): usize {
  let state: u64 = 0;
  let at = end;
  for (let event = eventsEnd; event > events;) {
    event -= EVENT_BYTES;
    const packed = load<u64>(event);
    const frequency = (packed >>> 24) & 0xff_ffff;
    const bits = packed >>> 56;
    if (frequency == (<u64>1) << bits) continue;
    if (state >= frequency << (64 - bits)) {
      if (at < start + 4) return 0;
      at -= 4;
      store<u32>(at, <u32>state);
      state >>>= 32;
    }
    const quotient = state / frequency;
    state = (quotient << bits) + (state - quotient * frequency) + (packed & 0xff_ffff);
  }
  const bytes = <usize>((71 - <i32>clz(state)) >>> 3);
  if (at < start + bytes) return 0;
  at -= bytes;
  for (let i: usize = 0; i < bytes; i++) store<u8>(at + i, state >>> (i << 3));
  return at;
}

// Reading: see decoder/, which has the state.

/** Returns the bytes of the state at the beginning of a block of `length` bytes; words follow. */
export function stateBytes(length: usize): usize {
  return length <= 8 ? length : ((length - 5) & 3) + 5;
}

/** Returns the initial state of a block. Eight bytes must be readable. */
export function readState(from: usize, bytes: usize): u64 {
  if (bytes == 0) return 0;
  return load<u64>(from) & (u64.MAX_VALUE >>> ((8 - <u64>bytes) << 3));
}
