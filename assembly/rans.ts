// Range asymmetric numeral systems with a 64-bit state and 32-bit words (J. Duda; the layout after
// F. Giesen's rans64). The state starts at 0 and the last word is cut short, so that a short segment
// pays for no flush: the first (length - 1) % 4 + 5 bytes, or all when there are 8 or fewer, are the
// state; below 2^32 the reader takes a word in, as long as there are words.

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

/** `frequency` slots of 2^bits, from `start`; false when there is no room. */
export function pushEvent(start: u32, frequency: u32, bits: u32): bool {
  if (eventsEnd == eventsLimit) return false;
  store<u64>(eventsEnd, (<u64>start) | ((<u64>frequency) << 24) | ((<u64>bits) << 56));
  eventsEnd += EVENT_BYTES;
  return true;
}

/** Raw bits, up to 20. */
export function pushBits(value: u32, bits: u32): bool {
  return bits == 0 || pushEvent(value, 1, bits);
}

/** Writes the events backwards from `end`, not below `start`; returns where they begin, or 0: no room. */
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
    state = ((state / frequency) << bits) + (state % frequency) + (packed & 0xff_ffff);
  }
  const bytes = <usize>((71 - <i32>clz(state)) >>> 3);
  if (at < start + bytes) return 0;
  at -= bytes;
  for (let i: usize = 0; i < bytes; i++) store<u8>(at + i, state >>> (i << 3));
  return at;
}

// Reading. The decoder keeps these in locals while it can.

export let state: u64 = 0;
export let word: usize = 0;
export let wordsEnd: usize = 0;

export function startReading(from: usize, to: usize): void {
  const length = to - from;
  const bytes = length <= 8 ? length : ((length - 5) & 3) + 5;
  state = 0;
  for (let i: usize = 0; i < bytes; i++) state |= (<u64>load<u8>(from + i)) << (i << 3);
  word = from + bytes;
  wordsEnd = to;
}

export function setReading(newState: u64, newWord: usize): void {
  state = newState;
  word = newWord;
}

/** Takes the symbol out that has `frequency` slots of 2^bits from `start`, of which `slot` came. */
export function advance(slot: u32, start: u32, frequency: u32, bits: u32): void {
  state = <u64>frequency * (state >>> bits) + (slot - start);
  if (state < LOW && word < wordsEnd) {
    state = (state << 32) | load<u32>(word);
    word += 4;
  }
}

/** Raw bits, up to 20. */
export function readBits(bits: u32): u32 {
  const value = (<u32>state) & ((1 << bits) - 1);
  advance(value, value, 1, bits);
  return value;
}

/** True when everything was read and the state is back where the writer began. */
export function finished(): bool {
  return state == 0 && word == wordsEnd;
}
