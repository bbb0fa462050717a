// Chooses the symbols of a segment. What one costs depends on the token before it alone, so the cheapest
// way to spell a segment is found exactly, by dynamic programming, in windows.
import * as costs from '../costs';
import * as matches from '../matches';
import { reserve } from '../memory';
import * as phrases from '../phrases';
import * as format from '../registry/format';
import * as tables from '../registry/tables';
import * as textMatches from '../text-matches';
import { contextBefore, count, findIndexes, index, word, words } from './segment';

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

// What the last parse chose: symbol u32, and for a match its length and distance, u32 each.
export let parsed: usize = 0;
export let parsedEnd: usize = 0;

/** Chooses the symbols; false when there is no memory. */
export function parse(): bool {
  findIndexes();
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

function offerSymbols(context: u32, at: u32, i: u32, end: u32, cost: u32): void {
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
        costs.matchCost(contextBefore(i - back)) +
        costs.distanceCost(distance) +
        costs.textLengthCost(length + back);
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

function matchCost(context: u32, candidate: i32, length: u32): u32 {
  return (
    costs.matchCost(context) + costs.distanceCost(matches.matchDistance(candidate)) + costs.lengthCost(length)
  );
}

function offerMatches(context: u32, at: u32, cost: u32): void {
  let base: u32 = 0;
  for (let c = 0; c < matches.CANDIDATES; c++) {
    const longest = matches.matchLength(c);
    if (longest == 0) continue;
    if (base == 0) base = cost + costs.matchCost(context);
    const distance = matches.matchDistance(c);
    const near = base + costs.distanceCost(distance);
    for (let length = longest; length > 0; length--) {
      offer(at + length, near + costs.lengthCost(length), at, format.MATCH, distance);
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
