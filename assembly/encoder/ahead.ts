// Looks up the parser's data about some tokens in a row before it needs them. No lookup here waits for the
// result of another token, so the accesses to memory overlap.
import * as costs from '../costs';
import * as listed from '../listed';
import * as phrases from '../phrases';
import * as format from '../registry/format';
import * as textMatches from '../text-matches';
import { contextBefore, index, word, words } from './segment';

/** Limit of the tokens of one call. */
export const AHEAD_TOKENS: i32 = 64;

/**
 * Table by token { its own symbol u32; that symbol's cost u32; node of the token and the next one u32, 0: no
 * phrase begins so; place in the text that begins so u32, 0: none }.
 */
const tokens: usize = memory.data(16 * AHEAD_TOKENS, 16);
const COST: usize = 4;
const PAIR: usize = 8;
const PLACE: usize = 12;

/**
 * Looks up tokens [from, to), at most AHEAD_TOKENS, without reading past `end`. There is a loop for each kind
 * of lookup: the shorter a loop, the more of its iterations a processor executes at the same time.
 */
export function lookAhead(from: u32, to: u32, end: u32): void {
  for (let i = from; i < to; i++) {
    store<u32>(tokenAt(i), phrases.nodeSymbol(listed.nodeOf(listed.recordOf(index(i)))));
  }
  for (let i = from; i < to; i++) {
    const node = listed.nodeOf(listed.recordOf(index(i)));
    const pair: usize = i + 1 < end ? phrases.childOfStraight(node, index(i + 1)) : 0;
    store<u32>(tokenAt(i), <u32>pair, PAIR);
  }
  let context = listed.recordOf(contextBefore(from));
  for (let i = from; i < to; i++) {
    const symbol = tokenSymbol(i);
    let cost = costs.symbolCostStraight(context, symbol);
    if (symbol == format.UNSEEN) cost += costs.unseenCost(word(i));
    store<u32>(tokenAt(i), cost, COST);
    context = listed.recordOf(index(i));
  }
  for (let i = from; i < to; i++) {
    store<u32>(tokenAt(i), <u32>textMatches.find(words, i, end), PLACE);
  }
}

function tokenAt(i: u32): usize {
  return tokens + ((<usize>(i % <u32>AHEAD_TOKENS)) << 4);
}

export function tokenSymbol(i: u32): u32 {
  return load<u32>(tokenAt(i));
}
export function tokenCost(i: u32): u32 {
  return load<u32>(tokenAt(i), COST);
}
export function pairNode(i: u32): usize {
  return load<u32>(tokenAt(i), PAIR);
}
export function textPlace(i: u32): usize {
  return load<u32>(tokenAt(i), PLACE);
}
