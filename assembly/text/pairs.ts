// Pairs of adjacent tokens that merge into one.
import { reserve } from '../memory';
import { bytesOf, count, isOrdinary, NONE, powerOfTwo, sizeOf, tokenOf, tokenOfByte } from './vocabulary';

const FREE: u64 = 0xffff_ffff_ffff_ffff;

/** Open addressing: u64 of the pair (left id, then right id), u32 rank, u32 id of what it becomes. */
let slots: usize = 0;
let slotMask: u32 = 0;
let shift: u32 = 0;
/** A bit by the hash of a pair: most pairs do not merge, and few of those have one. */
const FILTER_BITS: u64 = 21;
const FILTER_BYTES: usize = 256 * 1024;
let filter: usize = 0;
/** As a slot that is free, for pairs that the filter refuses. */
const free: usize = memory.data(16, 16);
/** u64 by two bytes: rank and result of the pair of their tokens, as in a slot. */
let ofBytes: usize = 0;

/** Makes room for so many pairs. False: no memory. */
export function beginPairs(pairCount: u32): bool {
  const slotCount = powerOfTwo(pairCount + (pairCount >>> 1));
  slots = reserve((<usize>slotCount) << 4);
  if (slots == 0) return false;
  slotMask = slotCount - 1;
  shift = 64 - ctz(slotCount);
  memory.fill(slots, 0xff, (<usize>slotCount) << 4);
  memory.fill(free, 0xff, 16);
  filter = reserve(FILTER_BYTES);
  if (filter == 0) return false;
  memory.fill(filter, 0, FILTER_BYTES);
  return true;
}

/** Adds a pair; of equal ones the last one counts, as in Hugging Face's tokenizers. */
export function addPair(left: u32, right: u32, rank: u32, id: u32): void {
  const bit = <u32>(hashOf(left, right) >>> (64 - FILTER_BITS));
  const word = filter + ((<usize>(bit >>> 5)) << 2);
  store<u32>(word, load<u32>(word) | (1 << (bit & 31)));
  const slot = slotOf(left, right);
  store<u64>(slot, ((<u64>left) << 32) | right);
  store<u32>(slot, rank, 8);
  store<u32>(slot, id, 12);
}

/** Returns the place of the pair, for rankAt() and tokenAt(). */
export function slotOf(left: u32, right: u32): usize {
  const hash = hashOf(left, right);
  const bit = <u32>(hash >>> (64 - FILTER_BITS));
  if (((load<u32>(filter + ((<usize>(bit >>> 5)) << 2)) >>> (bit & 31)) & 1) == 0) return free;
  const key = ((<u64>left) << 32) | right;
  let slot = <u32>(hash >>> shift);
  while (true) {
    const at = slots + ((<usize>slot) << 4);
    const there = load<u64>(at);
    if (there == key || there == FREE) return at;
    slot = (slot + 1) & slotMask;
  }
}

/** All pairs are there. False: no memory. */
export function preparePairs(): bool {
  ofBytes = reserve((<usize>8) << 16);
  if (ofBytes == 0) return false;
  for (let first: u32 = 0; first < 256; first++) {
    const token = tokenOfByte(first);
    for (let second: u32 = 0; second < 256; second++) {
      const slot = slotOf(token, tokenOfByte(second));
      store<u64>(ofBytes + ((<usize>((first << 8) | second)) << 3), load<u64>(slot, 8));
    }
  }
  return true;
}

/** As slotOf(), of the tokens of two bytes; the place is one of rankAt() and tokenAt(). */
export function slotOfBytes(first: u32, second: u32): usize {
  return ofBytes + ((<usize>((first << 8) | second)) << 3) - 8;
}

function hashOf(left: u32, right: u32): u64 {
  return (((<u64>left) << 32) | right) * 0x9e37_79b9_7f4a_7c15;
}

/** Returns the rank of the pair, the lowest of which merges first; NONE if it does not merge. */
export function rankAt(slot: usize): u32 {
  return load<u32>(slot, 8);
}

/** Returns what the pair becomes, NONE if it does not merge. */
export function tokenAt(slot: usize): u32 {
  return load<u32>(slot, 12);
}

/**
 * Adds merges, which are ranked by their order: left id, right id and id of the result, u32. There is room
 * for them.
 */
export function addPairs(merges: usize, mergeCount: u32): void {
  for (let rank: u32 = 0; rank < mergeCount; rank++) {
    const at = merges + <usize>rank * 12;
    addPair(load<u32>(at), load<u32>(at, 4), rank, load<u32>(at, 8));
  }
}

/** Returns in how many ways tokens of a range of ids are made of two. */
export function countPairs(from: u32, to: u32): u32 {
  return forEachSplit(from, to, false);
}

/**
 * Adds every way in which a token of a range of ids is made of two, ranked by its id. There is room for them.
 */
export function derivePairs(from: u32, to: u32): void {
  forEachSplit(from, to, true);
}

function forEachSplit(from: u32, to: u32, adds: bool): u32 {
  let pairs: u32 = 0;
  for (let id = from; id < min(to, count); id++) {
    if (!isOrdinary(id)) continue;
    const at = bytesOf(id);
    const length = sizeOf(id);
    for (let i: u32 = 1; i < length; i++) {
      const left = tokenOf(at, i);
      if (left == NONE) continue;
      const right = tokenOf(at + i, length - i);
      if (right == NONE) continue;
      if (adds) addPair(left, right, id, id);
      pairs++;
    }
  }
  return pairs;
}
