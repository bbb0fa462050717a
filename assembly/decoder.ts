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

let floor: usize = 0;
let frame: usize = 0;
/** The words of the frame that was decoded last. */
export let decodedWords: usize = 0;
/** Varints that packDecoded wrote. */
export let decodedVarints: usize = 0;
let out: usize = 0;
let capacityEnd: usize = 0;
let limitEnd: usize = 0;

/** Everything above the tables belongs to one job at a time. */
export function setWorkFloor(): void {
  floor = mark();
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
    const size = capacityEnd - decodedWords;
    const more = size > GROWTH_BYTES ? size : GROWTH_BYTES;
    // Reservations follow each other without a gap: all sizes here are multiples of 16.
    if (reserve(more) == 0) return false;
    capacityEnd += more;
  }
  return true;
}

/** Decodes the frame of `length` bytes to at most `tokensMax` words; their number, or why not. */
export function decode(length: i32, tokensMax: i32): i32 {
  decodedWords = reserve(GROWTH_BYTES + SLACK);
  if (decodedWords == 0) return NO_MEMORY;
  out = decodedWords;
  capacityEnd = decodedWords + GROWTH_BYTES;
  limitEnd = decodedWords + ((<usize>tokensMax) << 2);
  rans.startReading(frame, frame + <usize>length);
  let context = tables.contextRecord(tables.startContext());
  while (true) {
    const symbol = readSymbol(context);
    if (symbol >= format.SPECIALS) {
      if (symbol == tables.NONE) return MALFORMED;
      const record = tables.symbolRecord(symbol);
      const from = <usize>load<u32>(record);
      const bytes = (<usize>load<u32>(record, 4)) << 2;
      if (out + bytes > capacityEnd && !grow(out + bytes)) return MALFORMED;
      v128.store(out, v128.load(from));
      for (let i: usize = 16; i < bytes; i += 16) v128.store(out + i, v128.load(from + i));
      out += bytes;
      context = <usize>load<u32>(record, 8);
    } else if (symbol == format.END) {
      return rans.finished() ? <i32>((out - decodedWords) >>> 2) : MALFORMED;
    } else {
      if (!(symbol == format.MATCH ? copyMatch() : readUnseen())) return MALFORMED;
      context = tables.contextRecord(tables.tokenIndex(load<u32>(out - 4)));
    }
  }
}

function readEntry(record: usize): u32 {
  const slot = rans.peek(format.TABLE_BITS);
  const entry = tables.findEntry(record, slot);
  const start = tables.entryStart(entry);
  rans.advance(start, tables.entryStart(entry + 1) - start, format.TABLE_BITS);
  return entry;
}

/** The next symbol, or NONE when it is of a class that has none. */
function readSymbol(context: usize): u32 {
  if (tables.recordFirst(context) != tables.NONE) {
    const symbol = tables.entrySymbol(readEntry(context));
    if (symbol != tables.ESCAPE) return symbol;
  }
  const table = tables.contextRecord(tables.classTable(tables.recordClass(context)));
  const c = tables.entrySymbol(readEntry(table));
  if (c >= format.ORDINARY_CLASSES) return format.CLASSES - 1 - c;
  if (tables.firstOfClass(c) == tables.firstOfClass(c + 1)) return tables.NONE;
  const symbol = tables.findSymbol(c, rans.peek(format.SYMBOL_BITS));
  const start = tables.symbolStart(symbol + c);
  rans.advance(start, tables.symbolStart(symbol + c + 1) - start, format.SYMBOL_BITS);
  return symbol;
}

function copyMatch(): bool {
  const distanceBits = tables.entrySymbol(readEntry(tables.contextRecord(tables.distanceTable())));
  const distance = (1 << distanceBits) | rans.readBits(distanceBits);
  const code = tables.entrySymbol(readEntry(tables.contextRecord(tables.lengthTable())));
  const length = format.lengthBase(code) + rans.readBits(format.lengthBits(code));
  const back = (<usize>distance) << 2;
  if (back > out - decodedWords) return false;
  const end = out + ((<usize>length) << 2);
  if (end > capacityEnd && !grow(end)) return false;
  for (; out < end; out += 4) store<u32>(out, load<u32>(out - back));
  return true;
}

function readUnseen(): bool {
  const bits = tables.entrySymbol(readEntry(tables.contextRecord(tables.unseenTable())));
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

/** Packs the words that were decoded last; the bytes at decodedVarints, or NO_MEMORY. */
export function packDecoded(): i32 {
  const count = <i32>((out - decodedWords) >>> 2);
  decodedVarints = reserve(<usize>count * 5 + SLACK);
  if (decodedVarints == 0) return NO_MEMORY;
  return packTo(decodedWords, count, decodedVarints);
}
