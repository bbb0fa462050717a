// Reads the tables of what follows what, each into a block.
import * as coder from '../binary-coder';
import { release, reserve, reserveZeroed } from '../memory';
import { contextClasses } from './definitions';
import * as format from './format';
import { spread } from './frequencies';
import * as tables from './tables';

const ENTRIES_MAX: u32 = format.CONTEXT_FOLLOWERS_MAX + 1;

// Of the table that is being read: u8 by entry, u32 by entry and at the end, u32 by entry.
const codes: usize = reserve(ENTRIES_MAX);
const starts: usize = reserve((<usize>(ENTRIES_MAX + 1)) << 2);
const symbolsOfTable: usize = reserve((<usize>ENTRIES_MAX) << 2);
/** Where the next block goes, and where all must end. */
let block: usize = 0;
let blocksLimit: usize = 0;

/** Reads all tables; they list `followers` followers. */
export function readTables(followers: u32): bool {
  if (!reserveBlocks(followers) || !readFixedTables() || !readFollowers(followers)) return false;
  release((block + 15) & ~15);
  tables.setBlocks(tables.blocks, block);
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const record = tables.symbolRecord(s);
    store<u32>(record, <u32>tables.blockOf(load<u32>(record, 8)), 8);
  }
  return true;
}

/** Room for all blocks, the last thing that is reserved: what is left of it goes back. */
function reserveBlocks(followers: u32): bool {
  const contexts = <usize>tables.contextCount();
  const blockOfContext = reserveZeroed(contexts << 2);
  if (blockOfContext == 0) return false;
  tables.setContexts(blockOfContext);
  // A head, an escape and a sentinel for each; shortcuts are at most twice the entries.
  const fixed =
    format.CLASSES * format.CLASSES + format.DISTANCE_CODES + 2 * format.LENGTH_CODES + format.UNSEEN_CODES;
  const size = contexts * 32 + ((<usize>(followers + fixed)) << 3);
  block = reserve(size);
  blocksLimit = block + size;
  tables.setBlocks(block, blocksLimit);
  return block != 0;
}

function readFixedTables(): bool {
  for (let c: u32 = 0; c < format.CLASSES; c++) {
    for (let g: u32 = 0; g < format.CLASSES; g++) {
      put(g, g, coder.readTree(format.MODEL_TABLE + <i32>g * 64, format.WEIGHT_BITS));
    }
    if (!layOutTable(tables.classTable(c), format.CLASSES)) return false;
  }
  return (
    readPlainTable(tables.distanceTable(), format.DISTANCE_CODES) &&
    readPlainTable(tables.lengthTable(), format.LENGTH_CODES) &&
    readPlainTable(tables.textLengthTable(), format.LENGTH_CODES) &&
    readPlainTable(tables.unseenTable(), format.UNSEEN_CODES)
  );
}

function readPlainTable(context: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) put(i, i, coder.readRaw(format.WEIGHT_BITS));
  return layOutTable(context, count);
}

/** Entry `i` of the table that is being read. */
function put(i: u32, symbol: u32, code: u32): void {
  store<u32>(symbolsOfTable + ((<usize>i) << 2), symbol);
  store<u8>(codes + i, code);
}

/** Ends the table that is being read: its block, with `count` entries or none. */
function layOutTable(context: u32, count: u32): bool {
  store<u32>(tables.contexts + ((<usize>context) << 2), <u32>block);
  store<u8>(block, load<u8>(contextClasses + context), 7);
  store<u16>(block, count, 4);
  if (count == 0) {
    store<u32>(block, 0);
    block += tables.BLOCK_HEAD_BYTES;
    return true;
  }
  const bits = tables.shortcutBits(count);
  const shift = format.TABLE_BITS - bits;
  const shortcuts = block + tables.BLOCK_HEAD_BYTES;
  const first = (shortcuts + ((<usize>2) << bits) + 3) & ~3;
  const end = first + ((<usize>(count + 1)) << 2);
  if (end > blocksLimit) return false;
  store<u32>(block, <u32>first);
  store<u8>(block, shift, 6);
  spread(codes, count, format.TABLE_BITS, starts);
  for (let i: u32 = 0; i < count; i++) {
    const word = (load<u32>(starts + ((<usize>i) << 2)) << tables.ENTRY_SYMBOL_BITS) | symbolOf(i);
    store<u32>(first + ((<usize>i) << 2), word);
  }
  store<u32>(end - 4, tables.SENTINEL);
  let entry: u32 = 0;
  for (let i: u32 = 0; i < (<u32>1) << bits; i++) {
    while (load<u32>(starts + ((<usize>(entry + 1)) << 2)) <= i << shift) entry++;
    store<u16>(shortcuts + ((<usize>i) << 1), entry);
  }
  block = end;
  return true;
}

function symbolOf(i: u32): u32 {
  return load<u32>(symbolsOfTable + ((<usize>i) << 2));
}

function readFollowers(followers: u32): bool {
  let left = followers;
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    const c = <i32>load<u8>(contextClasses + context);
    const count = coder.readNumber(format.MODEL_FOLLOWERS + c * 64);
    if (count == 0) {
      layOutTable(context, 0);
      continue;
    }
    if (count > left || count > format.CONTEXT_FOLLOWERS_MAX || coder.exhausted) return false;
    left -= count;
    put(0, tables.ESCAPE, coder.readTree(format.MODEL_ESCAPE, format.WEIGHT_BITS));
    const frequencies = format.MODEL_FREQUENCY + <i32>format.bitLength(count) * 64;
    let previous = format.CLASSES;
    let rank: u32 = 0;
    for (let i: u32 = 1; i <= count; i++) {
      const g = coder.readTree(format.MODEL_FOLLOWER_CLASS + c * <i32>format.CLASSES, format.CLASS_BITS);
      if (g == previous) rank += 1 + coder.readNumber(format.MODEL_RANK_STEP + <i32>g * 64);
      else rank = coder.readNumber(format.MODEL_RANK + <i32>g * 64);
      previous = g;
      const size = g < format.ORDINARY_CLASSES ? tables.firstOfClass(g + 1) - tables.firstOfClass(g) : 1;
      if (rank >= size) return false;
      const symbol = g < format.ORDINARY_CLASSES ? tables.firstOfClass(g) + rank : format.CLASSES - 1 - g;
      put(i, symbol, coder.readTree(frequencies, format.WEIGHT_BITS));
    }
    if (!layOutTable(context, count + 1)) return false;
  }
  return left == 0;
}
