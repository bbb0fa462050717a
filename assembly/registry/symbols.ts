// Numbers the symbols, and lays out the shares that each has of its class.
import { reserve, reserveZeroed } from '../memory';
import { classes, spellings, weights } from './definitions';
import * as format from './format';
import { spread } from './frequencies';
import * as tables from './tables';

/** u8 by symbol that is not special: its weight */
let codes: usize = 0;

/** Numbers the symbols by class and falling weight, and lays out their shares. */
export function rankSymbols(definitions: u32): bool {
  const symbols = tables.symbols;
  const records = reserve(<usize>symbols * tables.RECORD_BYTES);
  const first = reserve((<usize>(format.CLASSES + 1)) << 2);
  const positions = reserve((<usize>(symbols + format.CLASSES)) << 2);
  const indexes = reserve((<usize>format.CLASSES) << 3);
  const bucketCount = format.CLASSES * format.WEIGHT_CODES;
  const buckets = reserveZeroed((<usize>(bucketCount + 1)) << 2);
  codes = reserve(definitions);
  if (!codes || !records || !first || !positions || !indexes || !buckets) return false;
  tables.setSymbols(records, first, positions, indexes);
  for (let s: u32 = 0; s < format.SPECIALS; s++) {
    const record = tables.symbolRecord(s);
    memory.fill(record, 0, tables.RECORD_BYTES);
    store<u32>(record, format.specialClass(s), 12);
  }
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
  for (let i: u32 = 0; i < definitions; i++) {
    const at = bucketOf(buckets, i);
    const symbol = load<u32>(at);
    store<u32>(at, symbol + 1);
    const record = tables.symbolRecord(symbol);
    const spelling = spellings + ((<usize>i) << 3);
    const address = <usize>load<u32>(spelling);
    const length = load<u32>(spelling, 4);
    store<u32>(record, <u32>address);
    store<u32>(record, length, 4);
    const last = load<u32>(address + ((<usize>(length - 1)) << 2));
    // Its block comes later.
    store<u32>(record, tables.tokenIndex(last), 8);
    store<u32>(record, (i << 8) | load<u8>(classes + i), 12);
    store<u8>(codes + symbol - format.SPECIALS, load<u8>(weights + i));
  }
  for (let c: u32 = 0; c < format.ORDINARY_CLASSES; c++) if (!layOutClass(c)) return false;
  return true;
}

function bucketOf(buckets: usize, definition: u32): usize {
  const falling = format.WEIGHT_CODES - 1 - load<u8>(weights + definition);
  return buckets + ((<usize>(<u32>load<u8>(classes + definition) * format.WEIGHT_CODES + falling)) << 2);
}

function layOutClass(c: u32): bool {
  const first = tables.firstOfClass(c);
  const count = tables.firstOfClass(c + 1) - first;
  if (count == 0) return true;
  const at = tables.symbolStarts + ((<usize>(first + c)) << 2);
  spread(codes + first - format.SPECIALS, count, format.SYMBOL_BITS, at);
  const bits = 32 - <u32>clz(count);
  const shift = format.SYMBOL_BITS - bits;
  const shortcuts = reserve((<usize>4) << bits);
  if (shortcuts == 0) return false;
  let symbol = first;
  for (let i: u32 = 0; i < (<u32>1) << bits; i++) {
    while (tables.symbolStart(symbol + c + 1) <= i << shift) symbol++;
    store<u32>(shortcuts + ((<usize>i) << 2), symbol);
  }
  store<u32>(tables.classIndexes + ((<usize>c) << 3), <u32>shortcuts);
  store<u32>(tables.classIndexes + ((<usize>c) << 3), shift, 4);
  return true;
}
