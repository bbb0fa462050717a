// A block that is being decoded. Several are decoded at a time, each in a lane of its own, and the lanes take
// turns: while one waits for data from memory, the others continue.
import * as rans from '../rans';
import * as format from '../registry/format';
import * as records from '../registry/records';
import * as tables from '../registry/tables';

/**
 * Layout of a lane { state u64; words left in bytes, negative, i32; end of the words u32; address of the next
 * token u32; output limit u32; record of the last value u32; its task u32; address of the next value's record
 * u32; first token u32; number of the block u32; distance of a match in bytes u32 }.
 */
export const LANE_BYTES: usize = 48;
export const STATE: usize = 0;
export const LEFT: usize = 8;
export const WORDS_END: usize = 12;
export const TO: usize = 16;
export const LIMIT: usize = 20;
export const RECORD: usize = 24;
export const TASK: usize = 28;
export const NEXT: usize = 32;
export const FIRST: usize = 36;
export const NUMBER: usize = 40;
const BACK: usize = 44;

/**
 * Begins the block of `length` bytes at `from`, with output in [to, limit). Eight bytes behind it are
 * readable.
 */
export function start(lane: usize, from: usize, length: usize, to: usize, limit: usize, number: u32): void {
  const bytes = rans.stateBytes(length);
  store<u64>(lane, rans.readState(from, bytes), STATE);
  store<i32>(lane, <i32>bytes - <i32>length, LEFT);
  store<u32>(lane, <u32>(from + length), WORDS_END);
  store<u32>(lane, <u32>to, TO);
  store<u32>(lane, <u32>limit, LIMIT);
  store<u32>(lane, <u32>to, FIRST);
  store<u32>(lane, number, NUMBER);
  goOn(lane, tables.startContext());
}

/** Continues the lane with the table of a context. */
function goOn(lane: usize, context: u32): void {
  // A context's link is as good as a record with that link: nothing else of the record is read.
  store<u32>(lane, <u32>(tables.linkOf(context) - records.LINK), RECORD);
  store<u32>(lane, 0, TASK);
}

/** Returns the number of tokens of a block at its end, or -1 for a block that no encoder wrote. */
export function result(lane: usize): i32 {
  // Everything must be read, and the state must be back at the writer's initial one.
  const complete = load<u64>(lane, STATE) == 0 && load<i32>(lane, LEFT) == 0;
  if (load<u32>(lane, TASK) != records.END || !complete) return -1;
  return <i32>((load<u32>(lane, TO) - load<u32>(lane, FIRST)) >>> 2);
}

/** Completes the last value's task, beyond its up to four tokens; false at the end of the block. */
export function settle(lane: usize): bool {
  const task = load<u32>(lane, TASK);
  const kind = task & records.KIND_MASK;
  const number = task >>> records.NUMBER_SHIFT;
  let done = false;
  if (kind == records.LENGTH) done = copyMatch(lane, number);
  else if (kind == records.DISTANCE) done = beginMatch(lane, number);
  else if (kind == records.LONG) done = putRest(lane, number);
  else if (kind == records.UNSEEN) done = putUnseen(lane, number);
  else if (kind == records.END) return false;
  if (!done) store<u32>(lane, records.REFUSE, TASK);
  return done;
}

/** Outputs the rest of a phrase of `length` tokens; the first four are in the output. */
function putRest(lane: usize, length: u32): bool {
  const from = records.spelling(records.symbolOf(load<u32>(lane, RECORD)));
  const start = <usize>load<u32>(lane, TO) - 16;
  const bytes = (<usize>length) << 2;
  if (start + bytes > <usize>load<u32>(lane, LIMIT)) return false;
  for (let i: usize = 16; i < bytes; i += 16) v128.store(start + i, v128.load(from + i));
  store<u32>(lane, <u32>(start + bytes), TO);
  store<u32>(lane, 0, TASK);
  return true;
}

/** Reads raw bits, up to 20. */
function readBits(lane: usize, bits: u32): u32 {
  let state = load<u64>(lane, STATE);
  const value = (<u32>state) & ((1 << bits) - 1);
  state >>>= bits;
  const left = load<i32>(lane, LEFT);
  if (state < rans.LOW && left < 0) {
    state = (state << 32) | load<u32>(load<u32>(lane, WORDS_END) + left);
    store<i32>(lane, left + 4, LEFT);
  }
  store<u64>(lane, state, STATE);
  return value;
}

/** Reads a match's distance, whose bit length is known; its length is next. */
function beginMatch(lane: usize, distanceBits: u32): bool {
  const back = (<usize>((1 << distanceBits) | readBits(lane, distanceBits))) << 2;
  const own = <usize>(load<u32>(lane, TO) - load<u32>(lane, FIRST));
  store<u32>(lane, <u32>back, BACK);
  goOn(lane, back > own ? tables.textLengthTable() : tables.lengthTable());
  return true;
}

/** Copies a match; false if it begins before the text or exceeds a limit. */
function copyMatch(lane: usize, code: u32): bool {
  const bytes = (<usize>(format.lengthBase(code) + readBits(lane, format.lengthBits(code)))) << 2;
  const back = <usize>load<u32>(lane, BACK);
  let to = <usize>load<u32>(lane, TO);
  const own = to - <usize>load<u32>(lane, FIRST);
  const end = to + bytes;
  if (end > <usize>load<u32>(lane, LIMIT)) return false;
  if (back > own) {
    const beyond = back - own;
    if (beyond > tables.textEnd - tables.text || bytes > beyond) return false;
    memory.copy(to, tables.textEnd - beyond, bytes);
  } else if (back >= 16) {
    for (; to < end; to += 16) v128.store(to, v128.load(to - back));
  } else {
    for (; to < end; to += 4) store<u32>(to, load<u32>(to - back));
  }
  leave(lane, end);
  return true;
}

/** Outputs a token of `bits` bits that the registry does not list. */
function putUnseen(lane: usize, bits: u32): bool {
  let token: u32 = 0;
  if (bits > 0) {
    const rest = bits - 1;
    const low = rest < 16 ? rest : 16;
    token = readBits(lane, low);
    token |= readBits(lane, rest - low) << low;
    token |= 1 << rest;
  }
  const to = <usize>load<u32>(lane, TO);
  if (to == <usize>load<u32>(lane, LIMIT)) return false;
  store<u32>(to, token);
  leave(lane, to + 4);
  return true;
}

/** Continues the lane after the tokens up to `to`. */
function leave(lane: usize, to: usize): void {
  store<u32>(lane, <u32>to, TO);
  goOn(lane, tables.tokenIndex(load<u32>(to - 4)));
}
