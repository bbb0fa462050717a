// Converts the chosen symbols to events of the entropy coder.
import * as costs from '../costs';
import * as listed from '../listed';
import * as rans from '../rans';
import * as format from '../registry/format';
import * as records from '../registry/records';
import * as tables from '../registry/tables';
import { parsed, parsedEnd } from './parse';
import { contextBefore, word } from './segment';

function pushValue(context: u32, value: u32): void {
  const last = tables.lastSlotAt(context, value);
  rans.pushEvent(tables.firstSlot(last), tables.slotCount(last), tables.slotBits(context));
}

function pushSymbol(record: usize, symbol: u32): void {
  const follower = listed.find(record, symbol);
  const slots = follower == 0 ? 0 : listed.slotsOf(follower);
  if (slots != 0) {
    rans.pushEvent(listed.firstSlotOf(follower), slots, format.TABLE_BITS);
    return;
  }
  const escape = listed.escapeSlots(record);
  if (escape != 0) rans.pushEvent(listed.escapeFirst(record), escape, format.TABLE_BITS);
  pushValue(tables.classTable(listed.contextClass(record)), tables.classValue(costs.classOf(symbol)));
  const share = costs.shareInClass(symbol);
  if (share != 0) rans.pushEvent(share & 0xffff, share >>> 16, format.MEMBER_BITS);
}

export function pushAll(): void {
  let i: u32 = 0;
  for (let at = parsed; at < parsedEnd; at += 4) {
    const symbol = load<u32>(at);
    pushSymbol(listed.recordOf(contextBefore(i)), symbol);
    if (symbol == format.MATCH) {
      const length = load<u32>(at, 4);
      pushMatch(i, length, load<u32>(at, 8));
      i += length;
      at += 8;
    } else if (symbol == format.UNSEEN) {
      pushUnseen(word(i));
      i += 1;
    } else if (symbol != format.END) {
      i += records.spellingLength(symbol);
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
