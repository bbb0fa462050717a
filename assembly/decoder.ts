// From a frame's coded part to words. The frame may hold any bytes: each symbol is found within tables
// that the loader has checked, and each copy is checked against what is there and what may come out.
import { mark, release, reserve } from './memory';
import * as rans from './rans';
import * as format from './registry/format';
import * as tables from './registry/tables';
import { packTo } from './varint';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

/** Words are laid out anew for each frame, behind it; copies overrun by up to 16 bytes. */
const SLACK: usize = 16;
const GROWTH_BYTES: usize = 64 * 1024;
const TABLE_SLOTS: u32 = 1 << format.TABLE_BITS;
const SYMBOL_SLOTS: u32 = 1 << format.SYMBOL_BITS;

let floor: usize = 0;
let frame: usize = 0;
let words: usize = 0;
let varints: usize = 0;
let out: usize = 0;
let capacityEnd: usize = 0;
let limitEnd: usize = 0;

/** Everything above the tables belongs to one job at a time. */
export function setWorkFloor(): void {
  floor = mark();
}

/** Where the words of the frame are that was decoded last. */
export function decodedWords(): usize {
  return words;
}

/** Where the varints are that packDecoded wrote. */
export function decodedVarints(): usize {
  return varints;
}

/** Room for a frame's coded part; 0 when there is none. */
export function beginDecode(length: i32): usize {
  release(floor);
  frame = reserve(<usize>length + SLACK);
  return frame;
}

/** Makes room for words up to `end`. */
function grow(end: usize): bool {
  if (end > limitEnd) return false;
  while (capacityEnd < end) {
    const size = capacityEnd - words;
    const more = size > GROWTH_BYTES ? size : GROWTH_BYTES;
    // Reservations follow each other without a gap: all sizes here are multiples of 16.
    if (reserve(more) == 0) return false;
    capacityEnd += more;
  }
  return true;
}

/**
 * Decodes the frame of `length` bytes to at most `tokensMax` words; their number, or why not. The way of
 * a symbol from the frame to the words is in this one function, its state in locals: this is the hot loop.
 */
export function decode(length: i32, tokensMax: i32): i32 {
  words = reserve(GROWTH_BYTES + SLACK);
  if (words == 0) return NO_MEMORY;
  out = words;
  capacityEnd = words + GROWTH_BYTES;
  limitEnd = words + ((<usize>tokensMax) << 2);
  rans.startReading(frame, frame + <usize>length);
  let state = rans.state;
  let word = rans.word;
  const wordsEnd = rans.wordsEnd;
  let to = out;
  let block = tables.blockOf(tables.startContext());
  while (true) {
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
      if (state < rans.LOW && word < wordsEnd) {
        state = (state << 32) | load<u32>(word);
        word += 4;
      }
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
        if (state < rans.LOW && word < wordsEnd) {
          state = (state << 32) | load<u32>(word);
          word += 4;
        }
      }
    }
    if (symbol >= format.SPECIALS) {
      const record = tables.symbolRecord(symbol);
      const from = <usize>load<u32>(record);
      const bytes = (<usize>load<u32>(record, 4)) << 2;
      if (to + bytes > capacityEnd && !grow(to + bytes)) return MALFORMED;
      v128.store(to, v128.load(from));
      for (let i: usize = 16; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
      to += bytes;
      block = <usize>load<u32>(record, 8);
      continue;
    }
    out = to;
    rans.setReading(state, word);
    if (symbol == format.END) return rans.finished() ? <i32>((out - words) >>> 2) : MALFORMED;
    if (!(symbol == format.MATCH ? copyMatch() : readUnseen())) return MALFORMED;
    to = out;
    state = rans.state;
    word = rans.word;
    block = tables.blockOf(tables.tokenIndex(load<u32>(to - 4)));
  }
}

/** A value of one of the fixed tables. */
function readValue(context: u32): u32 {
  const slot = (<u32>rans.state) & (TABLE_SLOTS - 1);
  const entry = tables.findEntry(tables.blockOf(context), slot);
  const start = tables.entryStart(entry);
  rans.advance(slot, start, tables.entryStart(entry + 4) - start, format.TABLE_BITS);
  return tables.entrySymbol(entry);
}

function copyMatch(): bool {
  const distanceBits = readValue(tables.distanceTable());
  const distance = (1 << distanceBits) | rans.readBits(distanceBits);
  const code = readValue(tables.lengthTable());
  const length = format.lengthBase(code) + rans.readBits(format.lengthBits(code));
  const back = (<usize>distance) << 2;
  if (back > out - words) return false;
  const end = out + ((<usize>length) << 2);
  if (end > capacityEnd && !grow(end)) return false;
  for (; out < end; out += 4) store<u32>(out, load<u32>(out - back));
  return true;
}

function readUnseen(): bool {
  const bits = readValue(tables.unseenTable());
  let token: u32 = 0;
  if (bits > 0) {
    const rest = bits - 1;
    const low = rest < 16 ? rest : 16;
    token = rans.readBits(low);
    token |= rans.readBits(rest - low) << low;
    token |= 1 << rest;
  }
  if (out + 4 > capacityEnd && !grow(out + 4)) return false;
  store<u32>(out, token);
  out += 4;
  return true;
}

/** Packs the words that were decoded last; their bytes, or NO_MEMORY. */
export function packDecoded(): i32 {
  const count = <i32>((out - words) >>> 2);
  varints = reserve(<usize>count * 5 + SLACK);
  if (varints == 0) return NO_MEMORY;
  return packTo(words, count, varints);
}
