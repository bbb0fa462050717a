// The segment that is being encoded: its tokens as words, and their indexes in the registry.
import { mark, release, reserve } from '../memory';
import * as tables from '../registry/tables';
import { OUTPUT, unpackWords } from '../varint';

let floor: usize = 0;
export let words: usize = 0;
export let count: u32 = 0;
let filled: u32 = 0;
let indexes: usize = 0;

export function setEncoderFloor(): void {
  floor = mark();
}

/** Room for a segment of `tokens` words; false when there is none. */
export function beginEncode(tokens: i32): bool {
  release(floor);
  count = <u32>tokens;
  filled = 0;
  words = reserve(((<usize>tokens) << 2) + 16);
  indexes = reserve((<usize>tokens) << 2);
  return words != 0 && indexes != 0;
}

/** Takes the varints of INPUT[0, length) in; tokens read, or -1: malformed or more than announced. */
export function appendVarints(length: i32): i32 {
  const read = unpackWords(length);
  if (read < 0 || filled + <u32>read > count) return -1;
  memory.copy(words + ((<usize>filled) << 2), OUTPUT, (<usize>read) << 2);
  filled += <u32>read;
  return read;
}

/** Where the words go, for a caller in here. */
export function encoderWords(): usize {
  return words;
}

/** To be called once the words are complete. */
export function findIndexes(): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(indexes + ((<usize>i) << 2), tables.tokenIndex(word(i)));
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
