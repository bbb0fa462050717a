// From coded blocks to tokens. A block may hold any bytes: each symbol is found within tables that the
// loader has checked, and each copy is checked against what is there and what may come out.
import { mark, release, reserve } from '../memory';
import * as rans from '../rans';
import * as format from '../registry/format';
import * as tables from '../registry/tables';
import { packTo } from '../varint';
import * as lane from './lane';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

/** Lanes that take turns: beyond four there is nothing left to wait for. */
const LANES: u32 = 4;
const lanes: usize = memory.data(<i32>(4 * 32), 16);
/** Copies overrun by up to 16 bytes, and reading by 8. */
const SLACK: usize = 32;
const GROWTH_BYTES: usize = 64 * 1024;
const TABLE_SLOTS: u32 = 1 << format.TABLE_BITS;
const SYMBOL_SLOTS: u32 = 1 << format.SYMBOL_BITS;

let floor: usize = 0;
/**
 * By block, u32 each: where it begins in the input, its bytes, nothing; then where its tokens begin in the
 * output, their bytes, their number (negative: refused).
 */
let jobs: usize = 0;
const JOB_BYTES: usize = 12;
/** No block is begun when so much has come out: a few bytes may stand for 65,536 tokens. */
const OUTPUT_MAX: usize = 1 << 20;
let input: usize = 0;
let count: u32 = 0;
let output: usize = 0;
let outputEnd: usize = 0;
let capacityEnd: usize = 0;
let asWords: bool = false;
/** Blocks that were begun. */
let next: u32 = 0;

/** Everything above the tables belongs to one call at a time. */
export function setWorkFloor(): void {
  floor = mark();
}

/** Where the host says where the blocks are, and finds what became of them. */
export function decodeJobs(): usize {
  return jobs;
}

/** Where the tokens are that were decoded last. */
export function decoded(): usize {
  return output;
}

/** Blocks of the last call that were decoded or refused, from the first on; the others are left for the next call. */
export function decodedBlocks(): u32 {
  return next;
}

/** Room for `blocks` blocks within `bytes` bytes; 0 when there is none. */
export function beginDecode(blocks: u32, bytes: u32): usize {
  release(floor);
  count = blocks;
  jobs = reserve(<usize>blocks * JOB_BYTES);
  input = reserve(<usize>bytes + SLACK);
  return jobs == 0 ? 0 : input;
}

/**
 * Decodes the blocks, each to at most `tokensMax` tokens; the bytes of all that came out, as varints or as
 * words, in the order in which they were finished. NO_MEMORY when there is none.
 */
export function decode(words: bool, tokensMax: u32): i32 {
  const width = count < LANES ? count : LANES;
  const room = (((<usize>tokensMax) << 2) + SLACK + 15) & ~15;
  const rooms = reserve(<usize>width * room);
  output = reserve(GROWTH_BYTES);
  if (rooms == 0 || output == 0) return NO_MEMORY;
  outputEnd = output;
  capacityEnd = output + GROWTH_BYTES;
  asWords = words;
  next = 0;
  let active: u32 = 0;
  for (; active < width; active++)
    begin(lanes + <usize>active * lane.LANE_BYTES, rooms + <usize>active * room);
  let turn: u32 = 0;
  while (active > 0) {
    turn = turn + 1 < active ? turn + 1 : 0;
    const mine = lanes + <usize>turn * lane.LANE_BYTES;
    const first = <usize>load<u32>(mine, lane.FIRST);
    const result = step(mine, first + ((<usize>tokensMax) << 2));
    if (result > 0) continue;
    if (!finish(mine, result == 0)) return NO_MEMORY;
    if (next < count && outputEnd - output < OUTPUT_MAX) {
      begin(mine, first);
    } else {
      active--;
      if (turn != active) memory.copy(mine, lanes + <usize>active * lane.LANE_BYTES, lane.LANE_BYTES);
    }
  }
  return <i32>(outputEnd - output);
}

/** Decodes the block at [from, from + length) to words at `to`; how many, or MALFORMED. */
export function decodeBlock(from: usize, length: usize, to: usize, tokensMax: u32): i32 {
  lane.start(lanes, from, length, to, 0);
  const limit = to + ((<usize>tokensMax) << 2);
  let result: i32 = 1;
  while (result > 0) result = step(lanes, limit);
  return result < 0 ? result : <i32>((<usize>load<u32>(lanes, lane.TO) - to) >>> 2);
}

function begin(mine: usize, to: usize): void {
  const job = jobs + <usize>next * JOB_BYTES;
  lane.start(mine, input + <usize>load<u32>(job), <usize>load<u32>(job, 4), to, next);
  next++;
}

/** One symbol: 1 when there are more, 0 at the end, MALFORMED. The way of a symbol is in this one function: the hot loop. */
function step(mine: usize, limit: usize): i32 {
  let state = load<u64>(mine, lane.STATE);
  let word = <usize>load<u32>(mine, lane.WORD);
  const wordsEnd = <usize>load<u32>(mine, lane.WORDS_END);
  const block = <usize>load<u32>(mine, lane.TABLE);
  let symbol = tables.ESCAPE;
  let table = block;
  // Once through the context's own block, and on an escape once more through that of its class.
  let first = <usize>load<u32>(table);
  if (first == 0) {
    table = tables.blockOf(tables.classTable(load<u8>(block, 7)));
    first = <usize>load<u32>(table);
  }
  while (true) {
    const slot = (<u32>state) & (TABLE_SLOTS - 1);
    const shortcut = table + tables.BLOCK_HEAD_BYTES + ((<usize>(slot >>> load<u8>(table, 6))) << 1);
    const last = (slot << tables.ENTRY_SYMBOL_BITS) | tables.ESCAPE;
    let entry = first + ((<usize>load<u16>(shortcut)) << 2);
    let own = load<u32>(entry);
    let next = load<u32>(entry, 4);
    while (next <= last) {
      entry += 4;
      own = next;
      next = load<u32>(entry, 4);
    }
    const start = own >>> tables.ENTRY_SYMBOL_BITS;
    const end = next == tables.SENTINEL ? TABLE_SLOTS : next >>> tables.ENTRY_SYMBOL_BITS;
    state = <u64>(end - start) * (state >>> format.TABLE_BITS) + (slot - start);
    const need = (<u64>(state < rans.LOW)) & (<u64>(word < wordsEnd));
    state = (state << (need << 5)) | ((<u64>load<u32>(word)) & (0 - need));
    word += (<usize>need) << 2;
    symbol = own & ((1 << tables.ENTRY_SYMBOL_BITS) - 1);
    if (symbol != tables.ESCAPE) break;
    table = tables.blockOf(tables.classTable(load<u8>(block, 7)));
    first = <usize>load<u32>(table);
  }
  // A class's table lists classes.
  if (table != block) {
    const c = symbol;
    if (c >= format.ORDINARY_CLASSES) {
      symbol = format.CLASSES - 1 - c;
    } else {
      if (tables.firstOfClass(c) == tables.firstOfClass(c + 1)) return MALFORMED;
      const slot = (<u32>state) & (SYMBOL_SLOTS - 1);
      symbol = tables.findSymbol(c, slot);
      const start = tables.symbolStart(symbol + c);
      const frequency = tables.symbolStart(symbol + c + 1) - start;
      state = <u64>frequency * (state >>> format.SYMBOL_BITS) + (slot - start);
      const need = (<u64>(state < rans.LOW)) & (<u64>(word < wordsEnd));
      state = (state << (need << 5)) | ((<u64>load<u32>(word)) & (0 - need));
      word += (<usize>need) << 2;
    }
  }
  store<u64>(mine, state, lane.STATE);
  store<u32>(mine, <u32>word, lane.WORD);
  if (symbol >= format.SPECIALS) {
    const record = tables.symbolRecord(symbol);
    const from = <usize>load<u32>(record);
    const bytes = (<usize>load<u32>(record, 4)) << 2;
    const to = <usize>load<u32>(mine, lane.TO);
    if (to + bytes > limit) return MALFORMED;
    store<u32>(mine, <u32>(to + bytes), lane.TO);
    store<u32>(mine, load<u32>(record, 8), lane.TABLE);
    v128.store(to, v128.load(from));
    for (let i: usize = 16; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
    return 1;
  }
  if (symbol == format.MATCH) return lane.copyMatch(mine, limit) ? 1 : MALFORMED;
  if (symbol == format.UNSEEN) return lane.readUnseen(mine, limit) ? 1 : MALFORMED;
  return lane.finished(mine) ? 0 : MALFORMED;
}

/** Takes the lane's tokens over, or notes that there are none; false when there is no memory. */
function finish(mine: usize, whole: bool): bool {
  const job = jobs + <usize>load<u32>(mine, lane.NUMBER) * JOB_BYTES;
  if (!whole) {
    store<i32>(job, MALFORMED, 8);
    return true;
  }
  const first = <usize>load<u32>(mine, lane.FIRST);
  const bytes = <usize>load<u32>(mine, lane.TO) - first;
  const tokens = <u32>(bytes >>> 2);
  const most = asWords ? bytes : <usize>tokens * 5;
  while (capacityEnd - outputEnd < most) {
    const size = capacityEnd - output;
    // Reservations follow each other without a gap: all sizes here are multiples of 16.
    if (reserve(size) == 0) return false;
    capacityEnd += size;
  }
  let written = bytes;
  if (asWords) memory.copy(outputEnd, first, bytes);
  else written = <usize>packTo(first, <i32>tokens, outputEnd);
  store<u32>(job, <u32>(outputEnd - output));
  store<u32>(job, <u32>written, 4);
  store<u32>(job, tokens, 8);
  outputEnd += written;
  return true;
}
