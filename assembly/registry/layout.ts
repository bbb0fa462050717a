// Lays tables out in memory, one after the other; tables.ts describes the layout.
import { release, reserve } from '../memory';
import * as format from './format';
import { spread } from './frequencies';
import * as tables from './tables';

const GROWTH_BYTES: usize = 64 * 1024;
/** Slack behind the last table, for windows that begin within it. */
const SLACK_BYTES: usize = 32;

/** Limit of a table's values. */
const VALUES_MAX: u32 = format.CLASS_SYMBOLS_MAX;

// State of the present table, by value: the code of its weight u8, its record u32, its first slot u32.
let codes: usize = 0;
let records: usize = 0;
let starts: usize = 0;
/** Address of the next table, and end of the reserved room. */
let next: usize = 0;
let limit: usize = 0;

/** Starts the layout; nothing else may be reserved until endTables(). Returns false if there is no memory. */
export function beginTables(): bool {
  codes = reserve(VALUES_MAX);
  records = reserve((<usize>VALUES_MAX) << 2);
  starts = reserve((<usize>(VALUES_MAX + 1)) << 2);
  next = reserve(GROWTH_BYTES);
  limit = next + GROWTH_BYTES - SLACK_BYTES;
  return codes != 0 && records != 0 && starts != 0 && next != 0;
}

/** Releases the room that the tables did not take. */
export function endTables(): void {
  release((next + SLACK_BYTES + 15) & ~15);
}

/** Sets value `i` of the next table. */
export function put(i: u32, code: u32, record: usize): void {
  store<u8>(codes + i, code);
  store<u32>(records + ((<usize>i) << 2), <u32>record);
}

/** Moves the last of the `count` values to the front. */
export function lastFirst(count: u32): void {
  const last = count - 1;
  const code = load<u8>(codes + last);
  const record = load<u32>(records + ((<usize>last) << 2));
  memory.copy(codes + 1, codes, last);
  memory.copy(records + 4, records, (<usize>last) << 2);
  put(0, code, record);
}

function startOf(i: u32): u32 {
  return load<u32>(starts + ((<usize>i) << 2));
}

/** Lays a context's table out, with the first `count` values, at least two; false if there is no memory. */
export function layOut(context: u32, count: u32, bits: u32): bool {
  spread(codes, count, bits, starts);
  const shift = shiftFor(count, bits);
  const shortcuts = (<u32>1) << (bits - shift);
  const slots = (<u32>1) << bits;
  const table = next;
  const toLasts = ((<usize>shortcuts) << 1) + 2;
  const toRecords = (toLasts + ((<usize>count) << 1) + 3) & ~3;
  next = table + toRecords + ((<usize>count) << 2);
  while (next > limit) {
    if (reserve(GROWTH_BYTES) == 0) return false;
    limit += GROWTH_BYTES;
  }
  for (let j: u32 = 0, value: u32 = 0; j < shortcuts; j++) {
    while (startOf(value + 1) <= j << shift) value++;
    store<u16>(table + ((<usize>j) << 1), toLasts + ((<usize>value) << 1));
  }
  store<i16>(table + toLasts - 2, -1);
  for (let i: u32 = 0; i < count; i++) store<i16>(table + toLasts + ((<usize>i) << 1), startOf(i + 1) - 1);
  memory.copy(table + toRecords, records, (<usize>count) << 2);
  const link = tables.linkOf(context);
  store<u32>(link, <u32>table, tables.TABLE);
  // Both addresses grow from one value to the next, the one twice as fast.
  store<u32>(link, <u32>(table + toRecords - ((table + toLasts) << 1)), tables.RECORDS);
  store<u16>(link, slots - 1, tables.MASK);
  store<u8>(link, shift, tables.SHIFT);
  store<u8>(link, bits, tables.BITS);
  return true;
}

/** Returns the widest stride of shortcuts at which none spans more than a window. */
function shiftFor(count: u32, bits: u32): u32 {
  let shift = bits;
  while (count > tables.WINDOW << (bits - shift)) shift--;
  while (!fits(shift, bits)) shift--;
  return shift;
}

function fits(shift: u32, bits: u32): bool {
  let value: u32 = 0;
  for (let slot: u32 = 0; slot < 1 << bits; slot += (<u32>1) << shift) {
    while (startOf(value + 1) <= slot) value++;
    const from = value;
    while (startOf(value + 1) < slot + ((<u32>1) << shift)) value++;
    if (value - from >= tables.WINDOW) return false;
  }
  return true;
}
