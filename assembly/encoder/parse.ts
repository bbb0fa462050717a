// Chooses the symbols of a segment. The cost of a symbol depends on the token before it only, so the cheapest
// sequence of symbols is found exactly, by dynamic programming, in windows.
import * as costs from '../costs';
import * as listed from '../listed';
import * as matches from '../matches';
import { reserve } from '../memory';
import * as phrases from '../phrases';
import * as format from '../registry/format';
import * as tables from '../registry/tables';
import * as textMatches from '../text-matches';
import * as ahead from './ahead';
import { contextBefore, count, findIndexes, index, word, words } from './segment';
import * as steps from './steps';

/**
 * Limit of the tokens before the present one from which a match of the text is tried: only every fourth place
 * of the text is indexed.
 */
const TEXT_BACK_MAX: u32 = 8;

// Result of the last parse: symbols, u32 each; a match is followed by its length and distance, u32 each.
export let parsed: usize = 0;
export let parsedEnd: usize = 0;

/** Chooses the symbols; false if there is no memory. */
export function parse(): bool {
  if (!findIndexes() || !matches.startMatches(words, count)) return false;
  // At worst a step per token, three words for each, and the end.
  parsed = reserve((<usize>count * 3 + 1) << 2);
  if (parsed == 0) return false;
  parsedEnd = parsed;
  for (let start: u32 = 0; start < count; start += steps.WINDOW_TOKENS) {
    const end = start + steps.WINDOW_TOKENS < count ? start + steps.WINDOW_TOKENS : count;
    parseWindow(start, end);
    keepWay(end - start);
  }
  store<u32>(parsedEnd, format.END);
  parsedEnd += 4;
  return true;
}

function parseWindow(start: u32, end: u32): void {
  const size = end - start;
  steps.startWindow(size);
  let known = start;
  for (let at: u32 = 0; at < size; at++) {
    const cost = steps.costTo(at);
    const i = start + at;
    if (cost == steps.INFINITE) {
      matches.note(i);
      continue;
    }
    if (i >= known) {
      known = i + ahead.AHEAD_TOKENS < end ? i + ahead.AHEAD_TOKENS : end;
      ahead.lookAhead(i, known, end);
    }
    const record = listed.recordOf(contextBefore(i));
    const longest = matches.findMatches(i, end);
    let taken = offerText(at, i, end);
    if (taken < matches.LENGTH_NICE && longest >= matches.LENGTH_NICE)
      taken = offerNiceMatch(record, at, cost);
    if (taken >= matches.LENGTH_NICE) {
      for (let k: u32 = 1; k < taken; k++) matches.note(i + k);
      at += taken - 1;
      continue;
    }
    offerSymbols(record, at, i, end, cost);
    if (longest != 0) offerMatches(record, at, cost);
  }
}

function offerSymbols(record: usize, at: u32, i: u32, end: u32, cost: u32): void {
  steps.offer(at + 1, cost + ahead.tokenCost(i), at, ahead.tokenSymbol(i));
  let node = ahead.pairNode(i);
  for (let next = i + 2; node != 0; next++) {
    const symbol = phrases.nodeSymbol(node);
    if (symbol != 0) steps.offer(at + next - i, cost + costs.symbolCost(record, symbol), at, symbol);
    if (next == end) return;
    node = phrases.childOf(node, index(next));
  }
}

/**
 * Offers matches of the text with the tokens ahead, also from a few tokens before; returns the length from
 * here.
 */
function offerText(at: u32, i: u32, end: u32): u32 {
  const place = ahead.textPlace(i);
  if (place == 0) return 0;
  const length = textMatches.lengthAt(words, i, end, place);
  let from = place;
  let back: u32 = 0;
  while (true) {
    const cost = steps.costTo(at - back);
    if (cost != steps.INFINITE) {
      const distance = i - back + textMatches.tokensFrom(from);
      const named =
        cost +
        listed.matchCost(listed.recordOf(contextBefore(i - back))) +
        costs.distanceCost(distance) +
        costs.textLengthCost(length + back);
      steps.offer(at + length, named, at - back, steps.MATCH_FLAG | distance);
    }
    if (back == at || back == TEXT_BACK_MAX || from == tables.text) return length;
    from -= 4;
    back++;
    if (load<u32>(from) != word(i - back)) return length;
  }
}

/**
 * Offers the first match that is long enough to be taken without looking further; returns its length, or 0.
 */
function offerNiceMatch(record: usize, at: u32, cost: u32): u32 {
  for (let c = 0; c < matches.CANDIDATES; c++) {
    const length = matches.matchLength(c);
    if (length < matches.LENGTH_NICE) continue;
    offerMatch(at, cost + listed.matchCost(record), c, length);
    return length;
  }
  return 0;
}

function offerMatch(at: u32, base: u32, candidate: i32, length: u32): void {
  const distance = matches.matchDistance(candidate);
  const named = base + costs.distanceCost(distance) + costs.lengthCost(length);
  steps.offer(at + length, named, at, steps.MATCH_FLAG | distance);
}

function offerMatches(record: usize, at: u32, cost: u32): void {
  const base = cost + listed.matchCost(record);
  for (let c = 0; c < matches.CANDIDATES; c++) {
    const longest = matches.matchLength(c);
    if (longest == 0) continue;
    const distance = matches.matchDistance(c);
    const near = base + costs.distanceCost(distance);
    const takes = steps.MATCH_FLAG | distance;
    let every = longest;
    // A longer match is tried at full length and at a few shorter ones only.
    if (longest > costs.SHORT_LENGTHS) {
      steps.offer(at + longest, near + costs.lengthCost(longest), at, takes);
      every = costs.SHORT_LENGTHS - 2;
    }
    steps.offerLengths(at, every, near, costs.shortLengthCosts, takes);
  }
}

/** Appends the cheapest path through the window to the result. */
function keepWay(size: u32): void {
  for (let i = steps.collectWay(size); i-- > 0;) {
    const at = steps.wayAt(i);
    const takes = steps.stepTakes(at);
    if ((takes & steps.MATCH_FLAG) == 0) {
      store<u32>(parsedEnd, takes);
      parsedEnd += 4;
      continue;
    }
    store<u32>(parsedEnd, format.MATCH);
    store<u32>(parsedEnd, at - steps.stepFrom(at), 4);
    store<u32>(parsedEnd, takes & ~steps.MATCH_FLAG, 8);
    parsedEnd += 12;
  }
}
