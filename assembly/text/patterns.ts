// Patterns by which tokenizers split a text into pieces, each written by hand as a scan that goes forwards. A
// piece is encoded by itself.
//
// Sources: the regular expressions of openai/tiktoken (tiktoken_ext/openai_public.py) and of the
// `pre_tokenizer` in the tokenizer.json files of Llama 3, Qwen, DeepSeek and Mistral.
import {
  classOf,
  codePoint,
  endOf,
  endOfOthers,
  HAN,
  LETTER,
  LOWER,
  MARK,
  NUMBER,
  SIGN,
  size,
  SPACE,
  UPPER,
} from './classes';

export const O200K: u32 = 0;
/** Also Llama 3, and with one digit a piece Qwen. */
export const CL100K: u32 = 1;
/** Also GPT-2, p50k. */
export const R50K: u32 = 2;
export const DEEPSEEK: u32 = 3;
/** o200k without contractions; with one digit a piece Mistral's. */
export const TEKKEN: u32 = 4;
/** Spaces, then all up to the next space: where no merge goes over the beginning of spaces. */
export const SPACES: u32 = 5;
/** As SPACES, of one space at most. */
export const METASPACE: u32 = 6;
/** All of it is one piece. */
export const WHOLE: u32 = 7;

const LINE_FEED: u32 = 10;
const RETURN: u32 = 13;
const BLANK: u32 = 0x20;
const APOSTROPHE: u32 = 0x27;
const SLASH: u32 = 0x2f;

let pattern: u32 = O200K;
let digitsMax: u32 = 3;
/** Place up to which the last piece depended on the text behind it: at least its own end. */
export let seen: usize = 0;
/** End of the stretch without numbers and Han that DeepSeek's third rule is applied to. */
let stretch: usize = 0;

/** `digits`: code points of a number in one piece. */
export function setPattern(which: u32, digits: u32): void {
  pattern = which;
  digitsMax = digits;
}

/** Begins a text, or another window of it. */
export function beginPieces(): void {
  stretch = 0;
}

/** Returns the end of the piece that begins at `at`. */
export function pieceEnd(at: usize, end: usize): usize {
  seen = 0;
  let to: usize;
  if (pattern == O200K || pattern == TEKKEN) to = o200k(at, end);
  else if (pattern == CL100K) to = cl100k(at, end);
  else if (pattern == R50K) to = r50k(at, end);
  else if (pattern == DEEPSEEK) to = deepseek(at, end);
  else if (pattern == WHOLE) to = end;
  else to = spaced(at, end);
  if (seen < to) seen = to;
  return to;
}

/**
 * Returns the end of a piece that is a word in small letters of ASCII, which most are: with a blank, a sign
 * or a capital before it at most, and ASCII behind it. 0: it is not, or may be longer.
 */
function smallWord(at: usize, end: usize): usize {
  const first: u32 = load<u8>(at);
  let from = at;
  if (!isAsciiLetter(first)) {
    if (first >= 0x80 || first - 0x30 < 10 || isBreak(first) || first == APOSTROPHE) return 0;
    from++;
  }
  if (from < end && <u32>load<u8>(from) - 0x41 < 26) from++;
  let to = from;
  while (to < end && <u32>load<u8>(to) - 0x61 < 26) to++;
  if (to == from || to == end) return 0;
  const next: u32 = load<u8>(to);
  return next < 0x80 && next != APOSTROPHE ? to : 0;
}

function o200k(at: usize, end: usize): usize {
  const small = smallWord(at, end);
  if (small != 0) return small;
  const kind = classOf(at);
  const next = at + size;
  const first = codePoint;
  const leads = (kind & (LETTER | NUMBER)) == 0 && !isBreak(first) && next < end;
  let to: usize = leads ? mixedCase(next, end) : 0;
  if (to == 0 && (kind & (UPPER | LOWER)) != 0) to = mixedCase(at, end);
  if (to == 0) {
    // Capitals alone.
    if (leads && (classOf(next) & UPPER) != 0) to = endOf(endOf(next, end, UPPER), end, LOWER);
    else if ((kind & UPPER) != 0) to = endOf(endOf(at, end, UPPER), end, LOWER);
  }
  if (to != 0) {
    if (pattern == TEKKEN) return to;
    const contracted = contraction(to, end, true);
    return contracted != 0 ? contracted : to;
  }
  if ((kind & NUMBER) != 0) return digits(at, end);
  to = signs(at, end, kind, first, true);
  return to != 0 ? to : spaces(at, end, true);
}

function cl100k(at: usize, end: usize): usize {
  const small = smallWord(at, end);
  if (small != 0 && !isAsciiLetter(load<u8>(small))) return small;
  const contracted = contraction(at, end, true);
  if (contracted != 0) return contracted;
  const kind = classOf(at);
  const next = at + size;
  const first = codePoint;
  if ((kind & LETTER) != 0) return endOf(at, end, LETTER);
  if ((kind & NUMBER) != 0) return digits(at, end);
  if (!isBreak(first) && next < end && (classOf(next) & LETTER) != 0) return endOf(next, end, LETTER);
  const to = signs(at, end, kind, first, false);
  return to != 0 ? to : spaces(at, end, true);
}

function r50k(at: usize, end: usize): usize {
  const contracted = contraction(at, end, false);
  if (contracted != 0) return contracted;
  let kind = classOf(at);
  let from = at;
  if (codePoint == BLANK && at + 1 < end) {
    const next = classOf(at + 1);
    if ((next & SPACE) == 0) {
      from = at + 1;
      kind = next;
    }
  }
  if ((kind & LETTER) != 0) return endOf(from, end, LETTER);
  if ((kind & NUMBER) != 0) return endOf(from, end, NUMBER);
  if ((kind & SPACE) == 0) return endOfOthers(from, end, SPACE | LETTER | NUMBER);
  return spaces(at, end, false);
}

function spaced(at: usize, end: usize): usize {
  let to = at;
  if (load<u8>(to) == BLANK) to++;
  if (pattern == SPACES) while (to < end && load<u8>(to) == BLANK) to++;
  while (to < end && load<u8>(to) != BLANK) to++;
  return to;
}

/** Numbers and Han first, then the third rule between them; what no rule takes is a piece too. */
function deepseek(at: usize, end: usize): usize {
  if (at >= stretch) {
    const kind = classOf(at);
    if ((kind & NUMBER) != 0) return digits(at, end);
    if ((kind & HAN) != 0) return endOf(at, end, HAN);
    stretch = endOfOthers(at, end, NUMBER | HAN);
  }
  let from = at;
  while (from < stretch) {
    const to = deepseekWord(from, stretch);
    if (to != 0) {
      if (from == at) return to;
      break;
    }
    classOf(from);
    from += size;
  }
  return from;
}

/** Returns 0 if the rule takes nothing here. */
function deepseekWord(at: usize, end: usize): usize {
  const kind = classOf(at);
  const next = at + size;
  const first = codePoint;
  if (isAsciiSign(first) && next < end && isAsciiLetter(load<u8>(next))) {
    let to = next + 1;
    while (to < end && isAsciiLetter(load<u8>(to))) to++;
    return to;
  }
  if ((kind & (LETTER | MARK)) != 0) return endOf(at, end, LETTER | MARK);
  if ((kind & SIGN) == 0 && !isBreak(first) && next < end && (classOf(next) & (LETTER | MARK)) != 0) {
    return endOf(next, end, LETTER | MARK);
  }
  let from: usize = 0;
  if (first == BLANK && next < end && (classOf(next) & SIGN) != 0) from = next;
  else if ((kind & SIGN) != 0) from = at;
  if (from != 0) return breaks(endOf(from, end, SIGN), end, false);
  return (kind & SPACE) != 0 ? spaces(at, end, true) : 0;
}

/** UPPER* LOWER+; 0 if it does not match. */
function mixedCase(at: usize, end: usize): usize {
  let kind: u32 = 0;
  /** End of the last code point that is UPPER and LOWER: there the first part may stop. */
  let both: usize = 0;
  let to = at;
  while (to < end) {
    kind = classOf(to);
    if ((kind & UPPER) == 0) break;
    to += size;
    if ((kind & LOWER) != 0) both = to;
  }
  if (to < end && (kind & (UPPER | LOWER)) == LOWER) return endOf(to, end, LOWER);
  if (seen < to) seen = to;
  return both;
}

/** A blank at most, then what is no letter, number or space, then line breaks (and slashes); 0: none. */
function signs(at: usize, end: usize, kind: u32, first: u32, slashes: bool): usize {
  let from: usize = 0;
  if (first == BLANK && at + 1 < end && (classOf(at + 1) & (SPACE | LETTER | NUMBER)) == 0) from = at + 1;
  else if ((kind & (SPACE | LETTER | NUMBER)) == 0) from = at;
  if (from == 0) return 0;
  return breaks(endOfOthers(from, end, SPACE | LETTER | NUMBER), end, slashes);
}

function breaks(at: usize, end: usize, slashes: bool): usize {
  while (at < end) {
    const byte: u32 = load<u8>(at);
    if (!isBreak(byte) && !(slashes && byte == SLASH)) break;
    at++;
  }
  return at;
}

function digits(at: usize, end: usize): usize {
  for (let i: u32 = 0; i < digitsMax && at < end && (classOf(at) & NUMBER) != 0; i++) at += size;
  return at;
}

/**
 * Returns the end of the spaces at `at`: up to the last line break, else all, but the last one before a word.
 */
function spaces(at: usize, end: usize, toBreak: bool): usize {
  let to = at;
  let last = at;
  let lastBreak: usize = 0;
  while (to < end && (classOf(to) & SPACE) != 0) {
    last = to;
    to += size;
    if (isBreak(codePoint)) lastBreak = to;
  }
  if (seen < to) seen = to;
  if (toBreak && lastBreak != 0) return lastBreak;
  return to < end && last > at ? last : to;
}

/** Returns the end of 's, 't, 're, 've, 'm, 'll or 'd at `at`; 0 if there is none. */
function contraction(at: usize, end: usize, foldsCase: bool): usize {
  if (at + 1 >= end || load<u8>(at) != APOSTROPHE) return 0;
  let first: u32 = load<u8>(at, 1);
  if (foldsCase) {
    // U+017F, the long s.
    if (first == 0xc5 && at + 2 < end && load<u8>(at, 2) == 0xbf) return at + 3;
    if (first < 0x80) first |= 0x20;
  }
  if (first == 0x73 || first == 0x74 || first == 0x6d || first == 0x64) return at + 2;
  if (at + 2 >= end) return 0;
  let second: u32 = load<u8>(at, 2);
  if (foldsCase && second < 0x80) second |= 0x20;
  const isLong =
    (first == 0x72 && second == 0x65) ||
    (first == 0x76 && second == 0x65) ||
    (first == 0x6c && second == 0x6c);
  return isLong ? at + 3 : 0;
}

function isBreak(letter: u32): bool {
  return letter == LINE_FEED || letter == RETURN;
}

function isAsciiLetter(byte: u32): bool {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isAsciiSign(byte: u32): bool {
  return (
    (byte >= 0x21 && byte <= 0x2f) ||
    (byte >= 0x3a && byte <= 0x40) ||
    (byte >= 0x5b && byte <= 0x60) ||
    (byte >= 0x7b && byte <= 0x7e)
  );
}
