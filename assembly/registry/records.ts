// Action of a decoder for a value of a table: it outputs the tokens of the value's record and continues with
// the table that the record links to. 32 bytes { the first four tokens; a task u32; a link }. The task is the
// number of bytes to output: 4 to 16, or 0 if the value only links to another table (an escape, a class, a
// match). A value with further work has a greater task: the bytes in the lowest five bits, a kind in the next
// three, a number in the upper half.
//
// Symbols have the first records, by number. After them are those of the escapes to each context class, of
// the classes, of the codes of distances, lengths and unseen tokens, and that of a class without symbols.
import { reserve } from '../memory';
import { spellings } from './definitions';
import * as format from './format';
import * as tables from './tables';

export const RECORD_BYTES: usize = 32;
export const TASK: usize = 16;
export const LINK: usize = 20;

/** Greatest task that is only a number of bytes. */
export const PLAIN_MAX: u32 = 16;
export const BYTES_MASK: u32 = 0x1f;
export const KIND_MASK: u32 = 0xe0;
export const NUMBER_SHIFT: u32 = 16;
/** The segment is complete. */
export const END: u32 = 1 << 5;
/** A phrase of more than four tokens; the number is their count. */
export const LONG: u32 = 2 << 5;
/** A code was read; the number is its value. Raw bits follow. */
export const DISTANCE: u32 = 3 << 5;
export const LENGTH: u32 = 4 << 5;
export const UNSEEN: u32 = 5 << 5;
/** A value that no encoder writes. */
export const REFUSE: u32 = 6 << 5;

const OTHERS: u32 =
  2 * format.CLASSES + format.DISTANCE_CODES + format.LENGTH_CODES + format.UNSEEN_CODES + 1;

let records: usize = 0;
/** u32 by symbol: its definition. */
let origins: usize = 0;

/** Reserves room for all records; false if there is none. */
export function reserveRecords(): bool {
  const count = tables.symbols + OTHERS;
  records = reserve(<usize>count * RECORD_BYTES);
  origins = reserve((<usize>tables.symbols) << 2);
  if (!records || !origins) return false;
  memory.fill(records, 0, <usize>count * RECORD_BYTES);
  setTask(recordOf(format.END), END, 0);
  for (let b: u32 = 0; b < format.DISTANCE_CODES; b++) setTask(distanceRecord(b), DISTANCE, b);
  for (let code: u32 = 0; code < format.LENGTH_CODES; code++) setTask(lengthRecord(code), LENGTH, code);
  for (let b: u32 = 0; b < format.UNSEEN_CODES; b++) setTask(unseenRecord(b), UNSEEN, b);
  setTask(refusal(), REFUSE, 0);
  return true;
}

function setTask(record: usize, kind: u32, number: u32): void {
  store<u32>(record, kind | (number << NUMBER_SHIFT), TASK);
}

export function recordOf(symbol: u32): usize {
  return records + <usize>symbol * RECORD_BYTES;
}
export function symbolOf(record: usize): u32 {
  return <u32>((record - records) / RECORD_BYTES);
}
/** Links to the classes that follow a context class. */
export function escapeRecord(contextClass: u32): usize {
  return recordOf(tables.symbols + contextClass);
}
/** Links to the class's symbols, or is the record of its only one. */
export function classRecord(c: u32): usize {
  if (c >= format.ORDINARY_CLASSES) return recordOf(format.CLASSES - 1 - c);
  const size = tables.classSize(c);
  if (size == 0) return refusal();
  return recordOf(size == 1 ? tables.firstOfClass(c) : tables.symbols + format.CLASSES + c);
}
export function distanceRecord(code: u32): usize {
  return recordOf(tables.symbols + 2 * format.CLASSES + code);
}
export function lengthRecord(code: u32): usize {
  return distanceRecord(format.DISTANCE_CODES + code);
}
export function unseenRecord(code: u32): usize {
  return lengthRecord(format.LENGTH_CODES + code);
}
function refusal(): usize {
  return unseenRecord(format.UNSEEN_CODES);
}

/** Links the record to the table of a context. */
export function leadTo(record: usize, context: u32): void {
  memory.copy(record + LINK, tables.linkOf(context), tables.LINK_BYTES);
}

/** Sets the `length` tokens of a symbol, from `from`, of which 16 bytes are readable. */
export function setSpelling(symbol: u32, from: usize, length: u32): void {
  const record = recordOf(symbol);
  v128.store(record, v128.load(from));
  if (length <= 4) store<u32>(record, length << 2, TASK);
  else setTask(record, LONG | PLAIN_MAX, length);
}
/** Returns the address of the symbol's tokens. */
export function spelling(symbol: u32): usize {
  return <usize>load<u32>(spellings + ((<usize>definitionOf(symbol)) << 3));
}
export function spellingLength(symbol: u32): u32 {
  const task = load<u32>(recordOf(symbol), TASK);
  return task <= PLAIN_MAX ? task >>> 2 : task >>> NUMBER_SHIFT;
}

export function setOrigin(symbol: u32, definition: u32): void {
  store<u32>(origins + ((<usize>symbol) << 2), definition);
}
/**
 * Returns the number of the symbol's definition in the registry: tokens by index, then phrases in their
 * order.
 */
export function definitionOf(symbol: u32): u32 {
  return load<u32>(origins + ((<usize>symbol) << 2));
}
