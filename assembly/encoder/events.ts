// Turns what was chosen into the events of the entropy coder.
import * as costs from '../costs';
import * as rans from '../rans';
import * as format from '../registry/format';
import * as tables from '../registry/tables';
import { parsed, parsedEnd } from './parse';
import { contextBefore, word } from './segment';

function pushEntry(entry: usize): void {
  const start = tables.entryStart(entry);
  rans.pushEvent(start, tables.entryStart(entry + 4) - start, format.TABLE_BITS);
}

function pushValue(table: u32, value: u32): void {
  pushEntry(tables.firstEntry(tables.blockOf(table)) + ((<usize>value) << 2));
}

function pushSymbol(context: usize, symbol: u32): void {
  const entry = costs.findFollower(context, symbol);
  if (entry != 0) {
    pushEntry(entry);
    return;
  }
  const first = tables.firstEntry(context);
  if (first != 0) pushEntry(first);
  const c = costs.classOf(symbol);
  pushValue(tables.classTable(tables.blockClass(context)), c);
  if (symbol < format.SPECIALS) return;
  const start = tables.symbolStart(symbol + c);
  rans.pushEvent(start, tables.symbolStart(symbol + c + 1) - start, format.SYMBOL_BITS);
}

export function pushAll(): void {
  let i: u32 = 0;
  for (let at = parsed; at < parsedEnd; at += 4) {
    const symbol = load<u32>(at);
    pushSymbol(contextBefore(i), symbol);
    if (symbol == format.MATCH) {
      const length = load<u32>(at, 4);
      pushMatch(i, length, load<u32>(at, 8));
      i += length;
      at += 8;
    } else if (symbol == format.UNSEEN) {
      pushUnseen(word(i));
      i += 1;
    } else if (symbol != format.END) {
      i += load<u32>(tables.symbolRecord(symbol), 4);
    }
  }
}

function pushMatch(i: u32, length: u32, distance: u32): void {
  const bits = 31 - <u32>clz(distance);
  pushValue(tables.distanceTable(), bits);
  rans.pushBits(distance - (1 << bits), bits);
  const code = format.lengthCode(length);
  pushValue(distance > i ? tables.textLengthTable() : tables.lengthTable(), code);
  rans.pushBits(length - format.lengthBase(code), format.lengthBits(code));
}

function pushUnseen(token: u32): void {
  const bits = format.bitLength(token);
  pushValue(tables.unseenTable(), bits);
  if (bits == 0) return;
  const rest = bits - 1;
  const low: u32 = rest < 16 ? rest : 16;
  rans.pushBits(token & ((1 << low) - 1), low);
  rans.pushBits((token >>> low) & ((1 << (rest - low)) - 1), rest - low);
}
