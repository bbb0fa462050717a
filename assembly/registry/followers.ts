// Reads the tables of followers. END is their first value: at a segment's end the state is 0, and the first
// slot then costs nothing.
import * as coder from '../binary-coder';
import * as format from './format';
import { lastFirst, layOut, put } from './layout';
import * as records from './records';
import * as tables from './tables';

/** Reads the tables that do not belong to tokens; they follow those of the classes' members. */
export function readFixedTables(): bool {
  for (let c: u32 = 0; c < format.CLASSES; c++) {
    for (let g: u32 = 0; g < format.CLASSES; g++) {
      const code = coder.readTree(format.MODEL_TABLE + <i32>g * 64, format.WEIGHT_BITS);
      put(g, code, records.classRecord(g));
    }
    lastFirst(format.CLASSES);
    if (!layOut(tables.classTable(c), format.CLASSES, format.TABLE_BITS)) return false;
    records.leadTo(records.escapeRecord(c), tables.classTable(c));
  }
  const distances = records.distanceRecord(0);
  const lengths = records.lengthRecord(0);
  return (
    readCodes(tables.distanceTable(), format.DISTANCE_CODES, distances) &&
    readCodes(tables.lengthTable(), format.LENGTH_CODES, lengths) &&
    readCodes(tables.textLengthTable(), format.LENGTH_CODES, lengths) &&
    readCodes(tables.unseenTable(), format.UNSEEN_CODES, records.unseenRecord(0))
  );
}

/** Reads a table of codes, whose records are in a row. */
function readCodes(context: u32, count: u32, record: usize): bool {
  for (let i: u32 = 0; i < count; i++) {
    put(i, coder.readRaw(format.WEIGHT_BITS), record + <usize>i * records.RECORD_BYTES);
  }
  return layOut(context, count, format.TABLE_BITS);
}

/** Reads the tables of all tokens' followers, `followers` of them. */
export function readFollowers(followers: u32): bool {
  let left = followers;
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    const c = tables.contextClass(context);
    const count = coder.readNumber(format.MODEL_FOLLOWERS + <i32>c * 64);
    if (count == 0) {
      memory.copy(tables.linkOf(context), tables.linkOf(tables.classTable(c)), tables.LINK_BYTES);
      continue;
    }
    if (count > left || count > format.CONTEXT_FOLLOWERS_MAX || coder.exhausted) return false;
    left -= count;
    put(0, coder.readTree(format.MODEL_ESCAPE, format.WEIGHT_BITS), records.escapeRecord(c));
    if (!readList(c, count) || !layOut(context, count + 1, format.TABLE_BITS)) return false;
  }
  return left == 0;
}

/** Reads the followers of a context of class `c`, as values after the escape. */
function readList(c: u32, count: u32): bool {
  const classes = format.MODEL_FOLLOWER_CLASS + <i32>(c * format.CLASSES);
  const frequencies = format.MODEL_FREQUENCY + <i32>format.bitLength(count) * 64;
  let previous = format.CLASSES;
  let rank: u32 = 0;
  let symbol: u32 = 0;
  for (let i: u32 = 1; i <= count; i++) {
    const g = coder.readTree(classes, format.CLASS_BITS);
    if (g == previous) rank += 1 + coder.readNumber(format.MODEL_RANK_STEP + <i32>g * 64);
    else rank = coder.readNumber(format.MODEL_RANK + <i32>g * 64);
    previous = g;
    const isOrdinary = g < format.ORDINARY_CLASSES;
    if (rank >= (isOrdinary ? tables.classSize(g) : 1)) return false;
    symbol = isOrdinary ? tables.firstOfClass(g) + rank : format.CLASSES - 1 - g;
    put(i, coder.readTree(frequencies, format.WEIGHT_BITS), records.recordOf(symbol));
  }
  if (symbol == format.END) lastFirst(count + 1);
  return true;
}
