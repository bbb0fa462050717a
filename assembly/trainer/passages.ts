// Finds the passages that occur in more than one segment of the sample: each, once, becomes part of the
// registry's text. A window's hash is looked up at every token (A. Tridgell's rolling checksum, with a
// polynomial), and a hit is extended to its full length (the first occurrence of each, as LZ77 does).
import { mark, release, reserveZeroed } from '../memory';
import { TEXT_TOKENS_MAX } from '../registry/format';

/** Window in tokens: a shorter passage costs as much as a match as its tokens do. */
const WINDOW: u32 = 24;
const FACTOR: u32 = 0x9e37_79b1;
const SLOTS_MAX: u32 = 1 << 24;

/** u8 by token of the sample: in the text, because a later segment has it too; or the later one. */
const SOURCE: u8 = 1;
const REPEATED: u8 = 2;
/** Flag of a segment's first token. */
const BEGIN: u8 = 4;

let marks: usize = 0;
let words: usize = 0;

/** True if the text has token i. */
export function isInText(i: u32): bool {
  return (load<u8>(marks + i) & (SOURCE | REPEATED)) != 0;
}

/** True if token i is copied to the text. */
export function isSource(i: u32): bool {
  return (load<u8>(marks + i) & SOURCE) != 0;
}

/**
 * Searches `count` words in `segments` segments for a text of up to `textMax` tokens; returns its size, or -1
 * if there is no memory.
 */
export function findPassages(at: usize, count: u32, lengths: usize, segments: u32, textMax: u32): i32 {
  words = at;
  const most = textMax < TEXT_TOKENS_MAX ? textMax : TEXT_TOKENS_MAX;
  marks = reserveZeroed(count + 1);
  if (marks == 0) return -1;
  const scratch = mark();
  let slots: u32 = 1024;
  while (slots < count && slots < SLOTS_MAX) slots <<= 1;
  const table = reserveZeroed((<usize>slots) << 2);
  if (table == 0) return -1;
  let oldest: u32 = 1;
  for (let i: u32 = 1; i < WINDOW; i++) oldest *= FACTOR;
  let found: u32 = 0;
  let start: u32 = 0;
  for (let s: u32 = 0; s < segments; s++) {
    const end = start + load<u32>(lengths + ((<usize>s) << 2));
    store<u8>(marks + start, load<u8>(marks + start) | BEGIN);
    let hash: u32 = 0;
    let hashed = start;
    for (let i = start; i + WINDOW <= end;) {
      for (; hashed < i + WINDOW; hashed++) hash = hash * FACTOR + word(hashed);
      const slot = table + ((<usize>((hash ^ (hash >>> 15)) & (slots - 1))) << 2);
      const first = load<u32>(slot);
      const length = first != 0 && first - 1 < start ? matchLength(first - 1, i, start, end) : 0;
      if (length >= WINDOW && found + length <= most) {
        for (let k: u32 = 0; k < length; k++) {
          const source = marks + (first - 1) + k;
          found += <u32>((load<u8>(source) & SOURCE) == 0);
          store<u8>(source, load<u8>(source) | SOURCE);
          store<u8>(marks + i + k, load<u8>(marks + i + k) | REPEATED);
        }
        i += length;
        hash = 0;
        hashed = i;
      } else {
        if (first == 0) store<u32>(slot, i + 1);
        hash -= word(i) * oldest;
        i++;
      }
    }
    start = end;
  }
  release(scratch);
  return <i32>found;
}

function word(i: u32): u32 {
  return load<u32>(words + ((<usize>i) << 2));
}

/**
 * Returns how many tokens from `first` on equal those from `i` on, within a segment and up to the text's
 * present end.
 */
function matchLength(first: u32, i: u32, limit: u32, end: u32): u32 {
  let length: u32 = 0;
  while (i + length < end && first + length < limit && word(first + length) == word(i + length)) {
    length++;
    if (load<u8>(marks + first + length) & (BEGIN | REPEATED)) break;
  }
  return length;
}
