// Byte-pair encoding of a long piece in O(n log n): tokens in a linked list, and a heap of the pairs. It is
// exact for every vocabulary, and takes 44 bytes of memory a byte.
import { mark, release, reserve } from '../memory';
import { rankAt, slotOf, tokenAt } from './pairs';
import { symbolsOf } from './symbols';
import { NONE } from './vocabulary';

/**
 * u32 by place of a token's first byte: the token, the places before and after it, its pair's rank and
 * result.
 */
let tokens: usize = 0;
let before: usize = 0;
let after: usize = 0;
let ranks: usize = 0;
let merged: usize = 0;
/** u64 each: rank, then place. Outdated ones stay, and are skipped. */
let heap: usize = 0;
let heapSize: u32 = 0;

/** Writes the tokens of `length` bytes at `out`, u32 each, and returns their end; 0: no memory. */
export function mergeByHeap(at: usize, length: u32, out: usize): usize {
  const start = mark();
  const column = (<usize>length) << 2;
  tokens = reserve(5 * column);
  // A merge adds two pairs and takes one token.
  heap = reserve((<usize>length * 3) << 3);
  if (tokens == 0 || heap == 0) {
    release(start);
    return 0;
  }
  before = tokens + column;
  after = before + column;
  ranks = after + column;
  merged = ranks + column;
  const count = fill(at, length);
  while (heapSize > 0) {
    const pair = load<u64>(heap);
    heapSize--;
    if (heapSize > 0) sift(0, load<u64>(heap + ((<usize>heapSize) << 3)));
    const place = (<usize>(<u32>pair)) << 2;
    if (load<u32>(ranks + place) == <u32>(pair >>> 32)) merge(place, count);
  }
  for (let i: u32 = 0; i < count; i = load<u32>(after + ((<usize>i) << 2)), out += 4) {
    store<u32>(out, load<u32>(tokens + ((<usize>i) << 2)));
  }
  release(start);
  return out;
}

/** Returns the number of tokens that are merged. */
function fill(at: usize, length: u32): u32 {
  heapSize = 0;
  const count = symbolsOf(at, length, tokens);
  for (let i: u32 = 0; i < count; i++) {
    const place = (<usize>i) << 2;
    store<u32>(before + place, i - 1);
    store<u32>(after + place, i + 1);
    store<u32>(ranks + place, NONE);
  }
  for (let i: u32 = 0; i + 1 < count; i++) {
    const place = (<usize>i) << 2;
    const rank = look(place, load<u32>(tokens + place), load<u32>(tokens + place, 4));
    if (rank == NONE) continue;
    store<u64>(heap + ((<usize>heapSize) << 3), ((<u64>rank) << 32) | i);
    heapSize++;
  }
  for (let i = <i32>(heapSize >>> 1) - 1; i >= 0; i--) sift(i, load<u64>(heap + ((<usize>i) << 3)));
  return count;
}

function merge(place: usize, count: u32): void {
  const token = load<u32>(merged + place);
  const second = (<usize>load<u32>(after + place)) << 2;
  const next = load<u32>(after + second);
  store<u32>(tokens + place, token);
  store<u32>(ranks + second, NONE);
  store<u32>(ranks + place, NONE);
  store<u32>(after + place, next);
  if (next < count) {
    const nextPlace = (<usize>next) << 2;
    store<u32>(before + nextPlace, <u32>(place >>> 2));
    push(look(place, token, load<u32>(tokens + nextPlace)), place);
  }
  const previous = load<u32>(before + place);
  if (previous == NONE) return;
  const previousPlace = (<usize>previous) << 2;
  push(look(previousPlace, load<u32>(tokens + previousPlace), token), previousPlace);
}

function look(place: usize, left: u32, right: u32): u32 {
  const slot = slotOf(left, right);
  const rank = rankAt(slot);
  store<u32>(ranks + place, rank);
  store<u32>(merged + place, tokenAt(slot));
  return rank;
}

function push(rank: u32, place: usize): void {
  if (rank == NONE) return;
  const pair = ((<u64>rank) << 32) | (<u32>(place >>> 2));
  let i = heapSize++;
  while (i > 0) {
    const up = (i - 1) >>> 1;
    const above = load<u64>(heap + ((<usize>up) << 3));
    if (above <= pair) break;
    store<u64>(heap + ((<usize>i) << 3), above);
    i = up;
  }
  store<u64>(heap + ((<usize>i) << 3), pair);
}

function sift(from: u32, pair: u64): void {
  let i = from;
  while (true) {
    let child: u32 = 2 * i + 1;
    if (child >= heapSize) break;
    let least = load<u64>(heap + ((<usize>child) << 3));
    if (child + 1 < heapSize) {
      const other = load<u64>(heap + ((<usize>(child + 1)) << 3));
      if (other < least) {
        least = other;
        child++;
      }
    }
    if (least >= pair) break;
    store<u64>(heap + ((<usize>i) << 3), least);
    i = child;
  }
  store<u64>(heap + ((<usize>i) << 3), pair);
}
