// Numbers the symbols: by class and falling weight.
import { reserve, reserveZeroed } from '../memory';
import { classes, spellings, weights } from './definitions';
import * as format from './format';
import { layOut, put } from './layout';
import * as records from './records';
import * as tables from './tables';

/** u8 by symbol that is not special: its weight. */
let codes: usize = 0;

/** Numbers the symbols and sets their tokens; returns 0, or the reason why not. */
export function rankSymbols(definitions: u32): bool {
  const first = reserve((<usize>(format.CLASSES + 1)) << 2);
  const bucketCount = format.CLASSES * format.WEIGHT_CODES;
  const buckets = reserveZeroed((<usize>(bucketCount + 1)) << 2);
  codes = reserve(definitions);
  if (!codes || !first || !buckets || !records.reserveRecords()) return false;
  tables.setClasses(first);
  for (let i: u32 = 0; i < definitions; i++) {
    const at = bucketOf(buckets, i) + 4;
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum = format.SPECIALS;
  for (let b: u32 = 0; b <= bucketCount; b++) {
    sum += load<u32>(buckets + ((<usize>b) << 2));
    store<u32>(buckets + ((<usize>b) << 2), sum);
    // The special classes, the last ones, take the first symbols.
    if (b % format.WEIGHT_CODES == 0) store<u32>(first + ((<usize>(b / format.WEIGHT_CODES)) << 2), sum);
  }
  for (let s: u32 = 0; s < format.SPECIALS; s++) records.setOrigin(s, 0);
  for (let i: u32 = 0; i < definitions; i++) {
    const at = bucketOf(buckets, i);
    const symbol = load<u32>(at);
    store<u32>(at, symbol + 1);
    store<u8>(codes + symbol - format.SPECIALS, load<u8>(weights + i));
    const spelling = spellings + ((<usize>i) << 3);
    records.setSpelling(symbol, load<u32>(spelling), load<u32>(spelling, 4));
    records.setOrigin(symbol, i);
  }
  return true;
}

function bucketOf(buckets: usize, definition: u32): usize {
  const falling = format.WEIGHT_CODES - 1 - load<u8>(weights + definition);
  return buckets + ((<usize>(<u32>load<u8>(classes + definition) * format.WEIGHT_CODES + falling)) << 2);
}

/** Lays out the tables of the classes' symbols; false if a class is too large or there is no memory. */
export function layOutClasses(): bool {
  for (let c: u32 = 0; c < format.ORDINARY_CLASSES; c++) {
    const first = tables.firstOfClass(c);
    const count = tables.classSize(c);
    if (count > format.CLASS_SYMBOLS_MAX) return false;
    if (count < 2) continue;
    for (let i: u32 = 0; i < count; i++) {
      put(i, load<u8>(codes + first + i - format.SPECIALS), records.recordOf(first + i));
    }
    if (!layOut(tables.memberTable(c), count, format.MEMBER_BITS)) return false;
    records.leadTo(records.classRecord(c), tables.memberTable(c));
  }
  return true;
}

/** Links each symbol to the table of its last token, MATCH and UNSEEN to those of their codes. */
export function leadOn(): void {
  records.leadTo(records.recordOf(format.MATCH), tables.distanceTable());
  records.leadTo(records.recordOf(format.UNSEEN), tables.unseenTable());
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const last = records.spelling(s) + ((<usize>(records.spellingLength(s) - 1)) << 2);
    records.leadTo(records.recordOf(s), tables.tokenIndex(load<u32>(last)));
  }
}
