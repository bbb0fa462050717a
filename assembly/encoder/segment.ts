// The segment that is being encoded: its tokens as words, and their indexes in the registry.
import { mark, release, reserve } from '../memory';
import * as tables from '../registry/tables';
import { consumed, unpack } from '../varint';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

let floor: usize = 0;
let varints: usize = 0;
/** Tokens; four behind the last one are readable. */
export let words: usize = 0;
export let count: u32 = 0;
let indexes: usize = 0;

export function setEncoderFloor(): void {
  floor = mark();
}

/** Reserves room for the `bytes` of a segment's varints; 0 if there is none. */
export function beginEncode(bytes: i32): usize {
  release(floor);
  varints = reserve(<usize>bytes + 16);
  return varints;
}

/** Reserves room for the words of a segment that the module itself writes; 0 if there is none. */
export function beginLe32(tokens: u32): usize {
  release(floor);
  return reserveLe32(tokens) ? words : 0;
}

function reserveLe32(tokens: u32): bool {
  count = tokens;
  words = reserve(((<usize>tokens) << 2) + 16);
  return words != 0;
}

/**
 * Unpacks the varints to words. Returns 0, NO_MEMORY, or MALFORMED if they are not `tokens` canonical ones.
 */
export function unpackSegment(bytes: i32, tokens: i32): i32 {
  // A varint takes at least one byte: there cannot be more words, whatever the bytes are.
  if (!reserveLe32(bytes)) return NO_MEMORY;
  if (unpack(varints, bytes, words) != tokens || consumed() != bytes) return MALFORMED;
  release(words);
  return reserveLe32(tokens) ? 0 : NO_MEMORY;
}

/** Looks up the indexes; to be called once the words are complete. Returns false if there is no memory. */
export function findIndexes(): bool {
  indexes = reserve((<usize>count) << 2);
  if (indexes == 0) return false;
  for (let i: u32 = 0; i < count; i++) store<u32>(indexes + ((<usize>i) << 2), tables.tokenIndex(word(i)));
  return true;
}

export function word(i: u32): u32 {
  return load<u32>(words + ((<usize>i) << 2));
}
export function index(i: u32): u32 {
  return load<u32>(indexes + ((<usize>i) << 2));
}
export function contextBefore(i: u32): u32 {
  return i == 0 ? tables.startContext() : index(i - 1);
}
