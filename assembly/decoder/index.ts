// Decodes coded blocks to tokens. A block may have any bytes: each symbol is found within tables that the
// loader has checked, and each copy is checked against the available tokens and the output limit.
import { mark, release, reserve } from '../memory';
import { packTo } from '../pack';
import * as lane from './lane';
import { takeTurns } from './turns';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

/** Number of lanes that take turns: with more, no waiting time would be left to use. */
const LANES: u32 = 8;
const lanes: usize = memory.data(8 * 48, 64);
/** Lane for a block that has no room in its own. */
const spare: usize = memory.data(48, 64);
/** Room of a lane in tokens, if several lanes work: few segments are longer. */
const LANE_TOKENS: u32 = 1 << 13;
/** Copies overrun by up to 16 bytes, and reads by 8. */
const SLACK: usize = 32;
const GROWTH_BYTES: usize = 64 * 1024;
/** Overrun of packing, in bytes. */
const PACK_SLACK: usize = 16;

let floor: usize = 0;
/**
 * Table by block, u32 each: begin in the input, size in bytes, unused; then begin of its tokens in the
 * output, their bytes, their number (negative: refused).
 */
let jobs: usize = 0;
const JOB_BYTES: usize = 12;
/** Output size from which no further block is begun: a few bytes may stand for 65,536 tokens. */
const OUTPUT_MAX: usize = 1 << 20;
let input: usize = 0;
let count: u32 = 0;
let output: usize = 0;
let outputEnd: usize = 0;
let capacityEnd: usize = 0;
let asLe32: bool = false;
/** Number of blocks begun. */
let next: u32 = 0;

/** Lets everything above the tables belong to one call at a time. */
export function setWorkFloor(): void {
  floor = mark();
}

/** Returns the job table, to which the host writes the blocks and from which it reads the results. */
export function decodeJobs(): usize {
  return jobs;
}

/** Returns the address of the last decoded tokens. */
export function decoded(): usize {
  return output;
}

/**
 * Returns the blocks of the last call that were decoded or refused, from the first on; the others are left
 * for the next call.
 */
export function decodedBlocks(): u32 {
  return next;
}

/** Reserves room for `blocks` blocks within `bytes` bytes; 0 if there is none. */
export function beginDecode(blocks: u32, bytes: u32): usize {
  release(floor);
  count = blocks;
  jobs = reserve(<usize>blocks * JOB_BYTES);
  input = reserve(<usize>bytes + SLACK);
  return jobs == 0 ? 0 : input;
}

/**
 * Decodes the blocks, each to at most `tokensMax` tokens. Returns the bytes of all results, as varints or as
 * words, in the order in which the blocks were finished; NO_MEMORY if there is none.
 */
export function decode(words: bool, tokensMax: u32): i32 {
  const width = count < LANES ? count : LANES;
  const laneBytes = (<usize>(width > 1 && tokensMax > LANE_TOKENS ? LANE_TOKENS : tokensMax)) << 2;
  const rooms = reserve(<usize>width * (laneBytes + SLACK));
  const spareBytes = (<usize>tokensMax) << 2;
  const spareRoom = width > 1 ? reserve(spareBytes + SLACK) : rooms;
  output = reserve(GROWTH_BYTES);
  if (!rooms || !spareRoom || !output) return NO_MEMORY;
  outputEnd = output;
  capacityEnd = output + GROWTH_BYTES;
  asLe32 = words;
  next = 0;
  let end = lanes;
  for (; end < lanes + <usize>width * lane.LANE_BYTES; end += lane.LANE_BYTES) {
    begin(end, next, rooms + <usize>next * (laneBytes + SLACK), laneBytes);
    next++;
  }
  let ended = lanes;
  while (end > lanes) {
    ended = takeTurns(lanes, end, ended);
    let done = ended;
    if (width > 1 && lane.result(ended) < 0) {
      // The block was perhaps refused for lack of room.
      begin(spare, load<u32>(ended, lane.NUMBER), spareRoom, spareBytes);
      done = takeTurns(spare, spare + lane.LANE_BYTES, spare);
    }
    if (!finish(done)) return NO_MEMORY;
    if (next < count && outputEnd - output < OUTPUT_MAX) {
      begin(ended, next++, load<u32>(ended, lane.FIRST), laneBytes);
    } else {
      end -= lane.LANE_BYTES;
      if (ended != end) memory.copy(ended, end, lane.LANE_BYTES);
    }
  }
  return <i32>(outputEnd - output);
}

/** Decodes the block at [from, from + length) to words at `to`. Returns their number, or MALFORMED. */
export function decodeBlock(from: usize, length: usize, to: usize, tokensMax: u32): i32 {
  lane.start(lanes, from, length, to, to + ((<usize>tokensMax) << 2), 0);
  return lane.result(takeTurns(lanes, lanes + lane.LANE_BYTES, lanes));
}

function begin(mine: usize, block: u32, to: usize, room: usize): void {
  const job = jobs + <usize>block * JOB_BYTES;
  lane.start(mine, input + <usize>load<u32>(job), <usize>load<u32>(job, 4), to, to + room, block);
}

/** Copies the lane's tokens to the output, or records that there are none; false if there is no memory. */
function finish(mine: usize): bool {
  const job = jobs + <usize>load<u32>(mine, lane.NUMBER) * JOB_BYTES;
  const tokens = lane.result(mine);
  store<i32>(job, tokens, 8);
  if (tokens < 0) return true;
  const first = <usize>load<u32>(mine, lane.FIRST);
  const bytes = (<usize>tokens) << 2;
  const most = asLe32 ? bytes : <usize>tokens * 5 + PACK_SLACK;
  while (capacityEnd - outputEnd < most) {
    const size = capacityEnd - output;
    // Reservations follow each other without a gap: all sizes here are multiples of 16.
    if (reserve(size) == 0) return false;
    capacityEnd += size;
  }
  let written = bytes;
  if (asLe32) memory.copy(outputEnd, first, bytes);
  else written = <usize>packTo(first, tokens, outputEnd);
  store<u32>(job, <u32>(outputEnd - output));
  store<u32>(job, <u32>written, 4);
  outputEnd += written;
  return true;
}
