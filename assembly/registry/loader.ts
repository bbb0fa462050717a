// Reads a registry into the tables. Nothing in it is trusted: every count is bounded before memory is
// reserved for it, every index is checked before it is used.
import * as coder from '../binary-coder';
import { decodeBlock } from '../decoder/index';
import { release, reserve, reserveZeroed } from '../memory';
import { checksum } from './checksum';
import * as format from './format';
import { spread } from './frequencies';
import * as tables from './tables';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

let tokenCount: u32 = 0;
let phraseCount: u32 = 0;
let followerCount: u32 = 0;
let poolTokens: u32 = 0;
let textTokens: u32 = 0;

// By definition: tokens by index, then phrases in the order of the registry.
let weights: usize = 0;
let classes: usize = 0;
/** { address of tokens u32, length u32 } */
let spellings: usize = 0;
let pool: usize = 0;

// Of the table that is being read.
let codes: usize = 0;
let starts: usize = 0;
/** u32 by entry */
let symbolsOfTable: usize = 0;
/** u8 by context */
let contextClasses: usize = 0;
/** Where the next block goes, and where all must end. */
let block: usize = 0;
let blocksLimit: usize = 0;

/** Reads the registry at [from, to); 0 or why not. Reserves what the tables need. */
export function loadRegistry(from: usize, to: usize): i32 {
  if (to - from < format.HEAD_BYTES + format.CHECKSUM_BYTES) return MALFORMED;
  const end = to - format.CHECKSUM_BYTES;
  if (load<u32>(from) != format.MAGIC || load<u8>(from, 4) != format.FORMAT_VERSION) return MALFORMED;
  if (load<u32>(end) != checksum(from, end)) return MALFORMED;
  const start = from + format.HEAD_BYTES;
  const codedBytes = <usize>load<u32>(from, 9);
  if (codedBytes > end - start) return MALFORMED;
  const refusal = loadTables(load<u32>(from, 5), start, start + codedBytes);
  return refusal != 0 ? refusal : loadText(start + codedBytes, end);
}

/** Reads the coded part of registry `id`; what comes after it is not looked at. */
export function loadTables(id: u32, from: usize, to: usize): i32 {
  if (!coder.resetModels(format.MODELS)) return NO_MEMORY;
  coder.startReading(from, to);
  tokenCount = coder.readNumber(format.MODEL_COUNTS);
  phraseCount = coder.readNumber(format.MODEL_COUNTS);
  followerCount = coder.readNumber(format.MODEL_COUNTS);
  poolTokens = coder.readNumber(format.MODEL_COUNTS);
  textTokens = coder.readNumber(format.MODEL_COUNTS);
  if (tokenCount > format.TOKENS_MAX || phraseCount > format.PHRASES_MAX) return MALFORMED;
  if (followerCount > format.FOLLOWERS_MAX || poolTokens > format.POOL_TOKENS_MAX) return MALFORMED;
  if (textTokens > format.TEXT_TOKENS_MAX) return MALFORMED;
  const definitions = tokenCount + phraseCount;
  tables.setIdentity(id, tokenCount, format.SPECIALS + definitions);
  tables.setText(0, 0);
  if (!reserveAll(definitions)) return NO_MEMORY;
  const read = readTokens() && readPhrases() && rankSymbols(definitions) && readTables();
  return read && coder.finishedReading() ? 0 : MALFORMED;
}

/** The text, in blocks after their lengths. */
function loadText(from: usize, to: usize): i32 {
  // Copies may overrun.
  const text = reserve(((<usize>textTokens) << 2) + 32);
  if (text == 0) return NO_MEMORY;
  tables.setText(text, text);
  let left = textTokens;
  while (left > 0) {
    if (to - from < 4) return MALFORMED;
    const length = <usize>load<u32>(from);
    from += 4;
    if (length > to - from) return MALFORMED;
    const count = decodeBlock(from, length, tables.textEnd, left);
    if (count <= 0) return MALFORMED;
    left -= <u32>count;
    tables.setText(text, tables.textEnd + ((<usize>count) << 2));
    from += length;
  }
  return from == to ? 0 : MALFORMED;
}

function reserveAll(definitions: u32): bool {
  const contexts = tables.contextCount();
  weights = reserve(definitions);
  classes = reserve(definitions);
  spellings = reserve((<usize>definitions) << 3);
  // Copies take 16 bytes at a time.
  pool = reserve(((<usize>(poolTokens + tokenCount)) << 2) + 16);
  const widest = definitions > 4096 ? definitions : 4096;
  codes = reserve(widest);
  starts = reserve((<usize>(4096 + 1)) << 2);
  symbolsOfTable = reserve((<usize>4096) << 2);
  contextClasses = reserveZeroed(contexts);
  const blockOfContext = reserveZeroed((<usize>contexts) << 2);
  let mapSlots: u32 = 16;
  while (mapSlots < tokenCount * 2) mapSlots <<= 1;
  const map = reserveZeroed((<usize>mapSlots) << 3);
  if (!weights || !classes || !spellings || !pool || !codes || !starts) return false;
  if (!symbolsOfTable || !contextClasses || !blockOfContext || !map) return false;
  tables.setContexts(blockOfContext);
  tables.setTokenMap(map, mapSlots - 1);
  return true;
}

/** Room for all blocks, the last thing that is reserved: what is left of it goes back. */
function reserveBlocks(): bool {
  const contexts = <usize>tables.contextCount();
  // A head, an escape and a sentinel for each; shortcuts are at most twice the entries.
  const fixed =
    format.CLASSES * format.CLASSES + format.DISTANCE_CODES + 2 * format.LENGTH_CODES + format.UNSEEN_CODES;
  const size = contexts * 32 + ((<usize>(followerCount + fixed)) << 3);
  block = reserve(size);
  blocksLimit = block + size;
  tables.setBlocks(block, blocksLimit);
  return block != 0;
}

function readTokens(): bool {
  let next: u64 = 0;
  for (let i: u32 = 0; i < tokenCount; i++) {
    const token = next + coder.readNumber(format.MODEL_TOKEN);
    if (token >= u32.MAX_VALUE) return false;
    next = token + 1;
    const at = pool + ((<usize>i) << 2);
    store<u32>(at, <u32>token);
    define(i, at, 1);
    let slot = tables.hashToken(<u32>token) & tables.tokenMapMask;
    while (load<u32>(tables.tokenMap + ((<usize>slot) << 3), 4) != 0) slot = (slot + 1) & tables.tokenMapMask;
    store<u32>(tables.tokenMap + ((<usize>slot) << 3), <u32>token);
    store<u32>(tables.tokenMap + ((<usize>slot) << 3), i + 1, 4);
    if (!readClass(i, 0)) return false;
    const c = <i32>load<u8>(classes + i);
    setContextClass(
      i,
      coder.readTree(format.MODEL_CONTEXT_CLASS + c * <i32>format.CLASSES, format.CLASS_BITS),
    );
  }
  setContextClass(tables.startContext(), coder.readRaw(format.CLASS_BITS));
  setContextClass(tables.unseenContext(), coder.readRaw(format.CLASS_BITS));
  return !coder.exhausted;
}

function setContextClass(context: u32, c: u32): void {
  store<u8>(contextClasses + context, c);
}

function define(definition: u32, address: usize, length: u32): void {
  store<u32>(spellings + ((<usize>definition) << 3), <u32>address);
  store<u32>(spellings + ((<usize>definition) << 3), length, 4);
}

function readClass(definition: u32, kind: i32): bool {
  const c = coder.readTree(format.MODEL_CLASS + kind * <i32>format.CLASSES, format.CLASS_BITS);
  if (c >= format.ORDINARY_CLASSES) return false;
  store<u8>(classes + definition, c);
  store<u8>(weights + definition, coder.readTree(format.MODEL_WEIGHT + <i32>c * 64, format.WEIGHT_BITS));
  return true;
}

/** Phrases come by length, each as earlier definitions in a row; the first of them rises within a length. */
function readPhrases(): bool {
  let length: u32 = 2;
  let first: u32 = 0;
  let at = pool + ((<usize>tokenCount) << 2);
  let left = poolTokens;
  for (let i: u32 = 0; i < phraseCount; i++) {
    const step = coder.readNumber(format.MODEL_PHRASE_LENGTH);
    if (step > 0) first = 0;
    if (step > format.PHRASE_TOKENS_MAX - length) return false;
    length += step;
    if (length > left) return false;
    left -= length;
    const definition = tokenCount + i;
    define(definition, at, length);
    const rise = coder.readNumber(format.MODEL_FIRST_PART);
    if (rise >= definition - first) return false;
    first += rise;
    let spelled: u32 = 0;
    for (let part = first; ; part = coder.readNumber(format.MODEL_PART)) {
      if (part >= definition || coder.exhausted) return false;
      const spelling = spellings + ((<usize>part) << 3);
      const partLength = load<u32>(spelling, 4);
      if (partLength > length - spelled) return false;
      memory.copy(at, load<u32>(spelling), (<usize>partLength) << 2);
      at += (<usize>partLength) << 2;
      spelled += partLength;
      if (spelled == length) break;
    }
    if (!readClass(definition, 1)) return false;
  }
  return left == 0;
}

/** Numbers the symbols by class and falling weight, and lays out their shares. */
function rankSymbols(definitions: u32): bool {
  const symbols = tables.symbols;
  const records = reserve(<usize>symbols * tables.RECORD_BYTES);
  const first = reserve((<usize>(format.CLASSES + 1)) << 2);
  const positions = reserve((<usize>(symbols + format.CLASSES)) << 2);
  const indexes = reserve((<usize>format.CLASSES) << 3);
  const bucketCount = format.CLASSES * format.WEIGHT_CODES;
  const buckets = reserveZeroed((<usize>(bucketCount + 1)) << 2);
  if (!records || !first || !positions || !indexes || !buckets) return false;
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
    // `codes` is by symbol here.
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

function readTables(): bool {
  if (!reserveBlocks() || !readFixedTables() || !readFollowers()) return false;
  release((block + 15) & ~15);
  tables.setBlocks(tables.blocks, block);
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const record = tables.symbolRecord(s);
    store<u32>(record, <u32>tables.blockOf(load<u32>(record, 8)), 8);
  }
  return true;
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

function readFollowers(): bool {
  let left = followerCount;
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
