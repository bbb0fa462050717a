// From words to a frame's coded part. What a symbol costs depends on the token before it alone, so the
// cheapest way to spell a segment is found exactly, by dynamic programming, in windows.
import * as costs from './costs';
import * as matches from './matches';
import { mark, release, reserve } from './memory';
import * as phrases from './phrases';
import * as rans from './rans';
import * as format from './registry/format';
import * as tables from './registry/tables';
import * as textMatches from './text-matches';
import { OUTPUT, unpackWords } from './varint';

export const NO_MEMORY: i32 = -2;
/** The coded part would be longer than what it stands for. */
export const TOO_LONG: i32 = -3;

const WINDOW_TOKENS: u32 = 4096;
/** A match of the text is tried from so many tokens back: it is found at every fourth of the text only. */
const TEXT_BACK_MAX: u32 = 8;
/** Longer matches are tried at full length and at a few lengths only. */
const EVERY_LENGTH_MAX: u32 = 16;

// By position in the window: cost from its start u32, position the last step came from u32, symbol of
// that step u32, distance of a match u32.
const STEP_BYTES: usize = 16;
const INFINITE: u32 = 0xffff_ffff;
const steps: usize = reserve(<usize>(WINDOW_TOKENS + 1) * STEP_BYTES);
/** Positions of the cheapest way through a window, last first. */
const way: usize = reserve((<usize>(WINDOW_TOKENS + 1)) << 2);

let floor: usize = 0;
let words: usize = 0;
let count: u32 = 0;
let filled: u32 = 0;
let indexes: usize = 0;
let coded: usize = 0;

// What the last parse chose: symbol u32, and for a match its length and distance, u32 each.
export let parsed: usize = 0;
export let parsedEnd: usize = 0;

export function setEncoderFloor(): void {
  floor = mark();
}

/** Room for a segment of `tokens` words; false when there is none. */
export function beginEncode(tokens: i32): bool {
  release(floor);
  count = <u32>tokens;
  filled = 0;
  words = reserve(((<usize>tokens) << 2) + 16);
  indexes = reserve((<usize>tokens) << 2);
  return words != 0 && indexes != 0;
}

/** Takes the varints of INPUT[0, length) in; tokens read, or -1: malformed or more than announced. */
export function appendVarints(length: i32): i32 {
  const read = unpackWords(length);
  if (read < 0 || filled + <u32>read > count) return -1;
  memory.copy(words + ((<usize>filled) << 2), OUTPUT, (<usize>read) << 2);
  filled += <u32>read;
  return read;
}

/** Where the words go, for a caller in here. */
export function encoderWords(): usize {
  return words;
}

/** Where the coded part begins that encode() wrote. */
export function encoded(): usize {
  return coded;
}

/** Codes the segment into at most `bytesMax` bytes; their number, or why not. */
export function encode(bytesMax: i32): i32 {
  if (!parse()) return NO_MEMORY;
  const eventsMax = <usize>((parsedEnd - parsed) >>> 2) * 5 + 8;
  const events = reserve(eventsMax * rans.EVENT_BYTES);
  const end = reserve(<usize>bytesMax + 16) + <usize>bytesMax;
  if (events == 0 || end == <usize>bytesMax) return NO_MEMORY;
  rans.startEvents(events, events + eventsMax * rans.EVENT_BYTES);
  pushAll();
  coded = rans.writeEvents(end - <usize>bytesMax, end);
  return coded == 0 ? TOO_LONG : <i32>(end - coded);
}

function word(i: u32): u32 {
  return load<u32>(words + ((<usize>i) << 2));
}
function index(i: u32): u32 {
  return load<u32>(indexes + ((<usize>i) << 2));
}
function contextBefore(i: u32): usize {
  return tables.blockOf(i == 0 ? tables.startContext() : index(i - 1));
}

/** Chooses the symbols; false when there is no memory. */
export function parse(): bool {
  for (let i: u32 = 0; i < count; i++) store<u32>(indexes + ((<usize>i) << 2), tables.tokenIndex(word(i)));
  if (!matches.startMatches(words, count)) return false;
  // A step per token at worst, three words for each, and the end.
  parsed = reserve((<usize>count * 3 + 1) << 2);
  if (parsed == 0) return false;
  parsedEnd = parsed;
  for (let start: u32 = 0; start < count; start += WINDOW_TOKENS) {
    const end = start + WINDOW_TOKENS < count ? start + WINDOW_TOKENS : count;
    parseWindow(start, end);
    keepWay(start, end);
  }
  store<u32>(parsedEnd, format.END);
  parsedEnd += 4;
  return true;
}

function step(offset: u32): usize {
  return steps + <usize>offset * STEP_BYTES;
}

function offer(at: u32, cost: u32, from: u32, symbol: u32, distance: u32): void {
  const address = step(at);
  if (cost >= load<u32>(address)) return;
  store<u32>(address, cost);
  store<u32>(address, from, 4);
  store<u32>(address, symbol, 8);
  store<u32>(address, distance, 12);
}

function parseWindow(start: u32, end: u32): void {
  const size = end - start;
  store<u32>(step(0), 0);
  for (let at: u32 = 1; at <= size; at++) store<u32>(step(at), INFINITE);
  for (let at: u32 = 0; at < size; at++) {
    const cost = load<u32>(step(at));
    const i = start + at;
    if (cost == INFINITE) {
      matches.note(i);
      continue;
    }
    const context = contextBefore(i);
    matches.findMatches(i, end);
    const text = offerText(at, i, end);
    if (text >= matches.LENGTH_NICE) {
      for (let k: u32 = 1; k < text; k++) matches.note(i + k);
      at += text - 1;
      continue;
    }
    const nice = niceMatch();
    if (nice >= 0) {
      const length = matches.matchLength(nice);
      offer(
        at + length,
        cost + matchCost(context, nice, length),
        at,
        format.MATCH,
        matches.matchDistance(nice),
      );
      for (let k: u32 = 1; k < length; k++) matches.note(i + k);
      at += length - 1;
      continue;
    }
    offerSymbols(context, at, i, end, cost);
    offerMatches(context, at, cost);
  }
}

function offerSymbols(context: usize, at: u32, i: u32, end: u32, cost: u32): void {
  let node = index(i);
  if (node >= tables.tokens) {
    offer(at + 1, cost + costs.unseenCost(context, word(i)), at, format.UNSEEN, 0);
    return;
  }
  for (let next = i + 1; ; next++) {
    const symbol = phrases.nodeSymbol(node);
    if (symbol != 0) offer(at + next - i, cost + costs.symbolCost(context, symbol), at, symbol, 0);
    if (next == end) return;
    node = phrases.childOf(node, index(next));
    if (node == 0) return;
  }
}

/** Offers what the text has of the tokens ahead, also from a few tokens back; its length from here. */
function offerText(at: u32, i: u32, end: u32): u32 {
  if (textMatches.isOff()) return 0;
  const place = textMatches.find(words, i, end);
  if (place == 0) return 0;
  const length = textMatches.lengthAt(words, i, end, place);
  let from = place;
  let back: u32 = 0;
  while (true) {
    const cost = load<u32>(step(at - back));
    if (cost != INFINITE) {
      const distance = i - back + textMatches.tokensFrom(from);
      const named =
        cost +
        costs.symbolCost(contextBefore(i - back), format.MATCH) +
        distanceCost(distance) +
        textLengthCost(length + back);
      offer(at + length, named, at - back, format.MATCH, distance);
    }
    if (back == at || back == TEXT_BACK_MAX || from == tables.text) return length;
    from -= 4;
    back++;
    if (load<u32>(from) != word(i - back)) return length;
  }
}

function niceMatch(): i32 {
  for (let c = 0; c < matches.CANDIDATES; c++) if (matches.matchLength(c) >= matches.LENGTH_NICE) return c;
  return -1;
}

function distanceCost(distance: u32): u32 {
  const bits = 31 - <u32>clz(distance);
  return costs.tableCost(tables.distanceTable(), bits) + costs.bitsCost(bits);
}

function lengthCost(length: u32): u32 {
  const code = format.lengthCode(length);
  return costs.tableCost(tables.lengthTable(), code) + costs.bitsCost(format.lengthBits(code));
}

function textLengthCost(length: u32): u32 {
  const code = format.lengthCode(length);
  return costs.tableCost(tables.textLengthTable(), code) + costs.bitsCost(format.lengthBits(code));
}

function matchCost(context: usize, candidate: i32, length: u32): u32 {
  return (
    costs.symbolCost(context, format.MATCH) +
    distanceCost(matches.matchDistance(candidate)) +
    lengthCost(length)
  );
}

function offerMatches(context: usize, at: u32, cost: u32): void {
  let base: u32 = 0;
  for (let c = 0; c < matches.CANDIDATES; c++) {
    const longest = matches.matchLength(c);
    if (longest == 0) continue;
    if (base == 0) base = cost + costs.symbolCost(context, format.MATCH);
    const distance = matches.matchDistance(c);
    const near = base + distanceCost(distance);
    for (let length = longest; length > 0; length--) {
      offer(at + length, near + lengthCost(length), at, format.MATCH, distance);
      if (length > EVERY_LENGTH_MAX + 2) length = EVERY_LENGTH_MAX + 1;
    }
  }
}

/** Appends the cheapest way through the window to what was parsed. */
function keepWay(start: u32, end: u32): void {
  let steps: u32 = 0;
  for (let at = end - start; at > 0; at = load<u32>(step(at), 4)) {
    store<u32>(way + ((<usize>steps) << 2), at);
    steps++;
  }
  while (steps > 0) {
    steps--;
    const at = load<u32>(way + ((<usize>steps) << 2));
    const symbol = load<u32>(step(at), 8);
    store<u32>(parsedEnd, symbol);
    if (symbol == format.MATCH) {
      store<u32>(parsedEnd, at - load<u32>(step(at), 4), 4);
      store<u32>(parsedEnd, load<u32>(step(at), 12), 8);
      parsedEnd += 12;
    } else {
      parsedEnd += 4;
    }
  }
}

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

function pushAll(): void {
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
