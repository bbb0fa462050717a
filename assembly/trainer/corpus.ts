// The sample: its tokens unchanged, and as a stream of units, which training rewrites.
//
// A segment is a sequence of units: END, MATCH and UNSEEN, then the tokens by index (those that occur more
// than once, by id), then the phrases in the order of their creation. A match in the stream is flagged and
// has the context after it.
import { release, reserve } from '../memory';
import { END, SPECIALS, TEXT_BLOCK_TOKENS, TEXT_TOKENS_MAX, TOKENS_MAX, UNSEEN } from '../registry/format';
import { OUTPUT, unpackLe32 } from '../varint';
import { findPassages, isInText, isSource } from './passages';
import { sortKeys } from './sort';

export const FIRST_TOKEN: u32 = SPECIALS;
export const MATCH_FLAG: u32 = 0x8000_0000;

export let words: usize = 0;
export let wordCount: u32 = 0;
let wordsMax: u32 = 0;
/** u32 by segment: number of its tokens. */
export let lengths: usize = 0;
export let segments: u32 = 0;
let segmentsMax: u32 = 0;
/** First segment of the text, which follows the sample; and the number of the text's tokens. */
export let firstText: u32 = 0;
export let textLe32: u32 = 0;
export let stream: usize = 0;
export let streamLength: u32 = 0;
/** u32 by index: the token's id. */
export let tokenIds: usize = 0;
export let tokens: u32 = 0;

export function firstPhrase(): u32 {
  return FIRST_TOKEN + tokens;
}
export function startContext(): u32 {
  return tokens;
}
export function unseenContext(): u32 {
  return tokens + 1;
}
export function contexts(): u32 {
  return tokens + 2;
}

/** Reserves room for a sample; false if there is none. */
export function beginSample(tokenCount: u32, segmentCount: u32): bool {
  wordsMax = tokenCount;
  segmentsMax = segmentCount;
  wordCount = 0;
  segments = 0;
  // Tokens of the text occur in the sample at least twice.
  const textMax = tokenCount >>> 1 < TEXT_TOKENS_MAX ? tokenCount >>> 1 : TEXT_TOKENS_MAX;
  const textSegments = textMax / TEXT_BLOCK_TOKENS + 1;
  words = reserve(((<usize>(tokenCount + textMax)) << 2) + 16);
  lengths = reserve((<usize>(segmentCount + textSegments)) << 2);
  stream = reserve((<usize>tokenCount + textMax + segmentCount + textSegments) << 2);
  return words != 0 && lengths != 0 && stream != 0;
}

/**
 * Takes the varints of INPUT[0, length). Returns the number of tokens read; -1 if malformed or more than
 * announced.
 */
export function appendSample(length: i32): i32 {
  const read = unpackLe32(length);
  if (read < 0 || wordCount + <u32>read > wordsMax) return -1;
  memory.copy(words + ((<usize>wordCount) << 2), OUTPUT, (<usize>read) << 2);
  wordCount += <u32>read;
  return read;
}

/** Ends a segment of `count` tokens. */
export function endSegment(count: u32): bool {
  if (segments == segmentsMax) return false;
  addSegment(count);
  return true;
}

function addSegment(count: u32): void {
  store<u32>(lengths + ((<usize>segments) << 2), count);
  segments++;
}

/**
 * Finds a text of up to `textMax` tokens, and appends it in segments of its own; false if there is no memory.
 */
export function appendText(textMax: u32): bool {
  firstText = segments;
  textLe32 = 0;
  if (findPassages(words, wordCount, lengths, segments, textMax) < 0) return false;
  const end = wordCount;
  for (let i: u32 = 0; i < end; i++) {
    if (!isSource(i)) continue;
    store<u32>(words + ((<usize>wordCount) << 2), load<u32>(words + ((<usize>i) << 2)));
    wordCount++;
    textLe32++;
    if (textLe32 % TEXT_BLOCK_TOKENS == 0) addSegment(TEXT_BLOCK_TOKENS);
  }
  const rest = textLe32 % TEXT_BLOCK_TOKENS;
  if (rest > 0) addSegment(rest);
  return true;
}

/** Returns the address of the text's tokens. */
export function text(): usize {
  return words + ((<usize>(wordCount - textLe32)) << 2);
}

/** Numbers the tokens that occur more than once, and writes the stream; false if there is no memory. */
export function indexSample(): bool {
  tokenIds = reserve(<usize>4 * TOKENS_MAX);
  const keys = reserve((<usize>wordCount) << 3);
  const other = reserve((<usize>wordCount) << 3);
  if (!tokenIds || !keys || !other) return false;
  for (let i: u32 = 0; i < wordCount; i++) {
    store<u64>(keys + ((<usize>i) << 3), ((<u64>load<u32>(words + ((<usize>i) << 2))) << 32) | i);
  }
  // Sorted by token; the positions of one token may be in any order.
  const sorted = sortKeysHigh(keys, other);
  tokens = 0;
  let end: u32 = 0;
  for (let at: u32 = 0; at < wordCount; at = end) {
    const token = <u32>(load<u64>(sorted + ((<usize>at) << 3)) >>> 32);
    end = at + 1;
    while (end < wordCount && <u32>(load<u64>(sorted + ((<usize>end) << 3)) >>> 32) == token) end++;
    let unit: u32 = UNSEEN;
    // The largest id cannot be in a registry.
    if (end - at > 1 && tokens < TOKENS_MAX && token != u32.MAX_VALUE) {
      store<u32>(tokenIds + ((<usize>tokens) << 2), token);
      unit = FIRST_TOKEN + tokens;
      tokens++;
    }
    for (let k = at; k < end; k++) {
      const position = <u32>load<u64>(sorted + ((<usize>k) << 3));
      store<u32>(stream + ((<usize>position) << 2), unit);
    }
  }
  spreadSegments();
  joinRepeated();
  // Releases the room that the ids do not need.
  release(tokenIds + ((<usize>tokens * 4 + 15) & ~15));
  return true;
}

/** Sorts by the upper half of the keys. */
function sortKeysHigh(keys: usize, other: usize): usize {
  for (let i: u32 = 0; i < wordCount; i++) {
    const at = keys + ((<usize>i) << 3);
    store<u64>(at, rotl(load<u64>(at), 32));
  }
  const sorted = sortKeys(keys, other, wordCount, 32);
  for (let i: u32 = 0; i < wordCount; i++) {
    const at = sorted + ((<usize>i) << 3);
    store<u64>(at, rotl(load<u64>(at), 32));
  }
  return sorted;
}

/** Makes room in the stream for the ends of segments, from the last on. */
function spreadSegments(): void {
  streamLength = wordCount + segments;
  let from = wordCount;
  let to = streamLength;
  for (let s = <i32>segments - 1; s >= 0; s--) {
    setStream(--to, END);
    const count = load<u32>(lengths + ((<usize>s) << 2));
    from -= count;
    to -= count;
    memory.copy(stream + ((<usize>to) << 2), stream + ((<usize>from) << 2), (<usize>count) << 2);
  }
}

/** Replaces passages of the sample's segments that are in the text by matches. */
function joinRepeated(): void {
  let to: u32 = 0;
  let from: u32 = 0;
  let position: u32 = 0;
  for (let s: u32 = 0; s < segments; s++) {
    const length = load<u32>(lengths + ((<usize>s) << 2));
    for (let k: u32 = 0; k < length; k++) {
      if (s < firstText && isInText(position + k)) {
        while (k + 1 < length && isInText(position + k + 1)) k++;
        const last = streamUnit(from + k);
        setStream(to++, MATCH_FLAG | (last == UNSEEN ? unseenContext() : last - FIRST_TOKEN));
      } else {
        setStream(to++, streamUnit(from + k));
      }
    }
    setStream(to++, END);
    position += length;
    from += length + 1;
  }
  streamLength = to;
}

export function streamUnit(i: u32): u32 {
  return load<u32>(stream + ((<usize>i) << 2));
}
export function setStream(i: u32, unit: u32): void {
  store<u32>(stream + ((<usize>i) << 2), unit);
}
export function setStreamLength(length: u32): void {
  streamLength = length;
}
