// A block that is being decoded. Some are at a time, each in a lane of its own, which takes turns with the
// others: what one waits for comes from memory while the others go on.
import * as rans from '../rans';
import * as format from '../registry/format';
import * as tables from '../registry/tables';

/** A lane: state u64, then word, end of the words, next token, block of tables, first token, which block it is: u32 each. */
export const LANE_BYTES: usize = 32;
export const STATE: usize = 0;
export const WORD: usize = 8;
export const WORDS_END: usize = 12;
export const TO: usize = 16;
export const TABLE: usize = 20;
export const FIRST: usize = 24;
export const NUMBER: usize = 28;

const TABLE_SLOTS: u32 = 1 << format.TABLE_BITS;

/** Begins the block of `length` bytes at `from`, to tokens at `to`. Eight bytes behind it are readable. */
export function start(lane: usize, from: usize, length: usize, to: usize, number: u32): void {
  const bytes = rans.stateBytes(length);
  store<u64>(lane, rans.readState(from, bytes), STATE);
  store<u32>(lane, <u32>(from + bytes), WORD);
  store<u32>(lane, <u32>(from + length), WORDS_END);
  store<u32>(lane, <u32>to, TO);
  store<u32>(lane, <u32>tables.blockOf(tables.startContext()), TABLE);
  store<u32>(lane, <u32>to, FIRST);
  store<u32>(lane, number, NUMBER);
}

/** True when everything was read and the state is back where the writer began. */
export function finished(lane: usize): bool {
  return load<u64>(lane, STATE) == 0 && load<u32>(lane, WORD) == load<u32>(lane, WORDS_END);
}

/** Takes the event out that has `frequency` slots of 2^bits from `start`, of which `slot` came. */
function advance(lane: usize, slot: u32, start: u32, frequency: u32, bits: u32): void {
  let state = <u64>frequency * (load<u64>(lane, STATE) >>> bits) + (slot - start);
  const word = <usize>load<u32>(lane, WORD);
  if (state < rans.LOW && word < <usize>load<u32>(lane, WORDS_END)) {
    state = (state << 32) | load<u32>(word);
    store<u32>(lane, <u32>word + 4, WORD);
  }
  store<u64>(lane, state, STATE);
}

/** Raw bits, up to 20. */
function readBits(lane: usize, bits: u32): u32 {
  const value = load<u32>(lane, STATE) & ((1 << bits) - 1);
  advance(lane, value, value, 1, bits);
  return value;
}

/** A value of one of the fixed tables. */
function readValue(lane: usize, context: u32): u32 {
  const slot = load<u32>(lane, STATE) & (TABLE_SLOTS - 1);
  const entry = tables.findEntry(tables.blockOf(context), slot);
  const start = tables.entryStart(entry);
  advance(lane, slot, start, tables.entryStart(entry + 4) - start, format.TABLE_BITS);
  return tables.entrySymbol(entry);
}

/** Copies what a match names, up to `limit`; false when it reaches before the text or past a limit. */
export function copyMatch(lane: usize, limit: usize): bool {
  const distanceBits = readValue(lane, tables.distanceTable());
  const back = (<usize>((1 << distanceBits) | readBits(lane, distanceBits))) << 2;
  let to = <usize>load<u32>(lane, TO);
  const own = to - <usize>load<u32>(lane, FIRST);
  const ofText = back > own;
  const code = readValue(lane, ofText ? tables.textLengthTable() : tables.lengthTable());
  const length = format.lengthBase(code) + readBits(lane, format.lengthBits(code));
  const bytes = (<usize>length) << 2;
  const end = to + bytes;
  if (end > limit) return false;
  if (ofText) {
    const beyond = back - own;
    if (beyond > tables.textEnd - tables.text || bytes > beyond) return false;
    memory.copy(to, tables.textEnd - beyond, bytes);
    to = end;
  } else {
    for (; to < end; to += 4) store<u32>(to, load<u32>(to - back));
  }
  leave(lane, to);
  return true;
}

export function readUnseen(lane: usize, limit: usize): bool {
  const bits = readValue(lane, tables.unseenTable());
  let token: u32 = 0;
  if (bits > 0) {
    const rest = bits - 1;
    const low = rest < 16 ? rest : 16;
    token = readBits(lane, low);
    token |= readBits(lane, rest - low) << low;
    token |= 1 << rest;
  }
  const to = <usize>load<u32>(lane, TO);
  if (to == limit) return false;
  store<u32>(to, token);
  leave(lane, to + 4);
  return true;
}

/** The lane goes on after the tokens up to `to`. */
function leave(lane: usize, to: usize): void {
  store<u32>(lane, <u32>to, TO);
  store<u32>(lane, <u32>tables.blockOf(tables.tokenIndex(load<u32>(to - 4))), TABLE);
}
