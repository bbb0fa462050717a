import { isList, isObject, type Json } from './json.js';

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/**
 * Returns a key that one object of a text of JSON has twice, of which a reader keeps one value and drops the
 * other in silence; undefined if there is none. `value`: what the text was parsed to.
 */
export function repeatedKey(json: string, value: Json): string | undefined {
  return countKeys(json) === keysOf(value) ? undefined : (findRepeated(json) ?? undefined);
}

/** Counts the texts with a colon behind them. */
function countKeys(json: string): number {
  let count = 0;
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', at)) {
    at = endOfText(json, at);
    if (json.charCodeAt(afterBlanks(json, at)) === colon) count += 1;
  }
  return count;
}

/** Returns the place behind the text that begins at `at`. */
function endOfText(json: string, at: number): number {
  for (let end = json.indexOf('"', at + 1); ; end = json.indexOf('"', end + 1)) {
    if (end < 0) return json.length;
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
}

function afterBlanks(json: string, from: number): number {
  let at = from;
  while (json.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

function keysOf(value: Json): number {
  if (isList(value)) return value.reduce<number>((sum, item) => sum + keysOf(item), 0);
  if (!isObject(value)) return 0;
  let count = 0;
  for (const key in value) count += 1 + keysOf(value[key]!);
  return count;
}

/** Finds the first such key, with a set of keys for each object that is open. */
function findRepeated(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === 0x7b) open.push(new Set());
    else if (code === 0x5b) open.push(undefined);
    else if (code === 0x7d || code === 0x5d) open.pop();
    else if (code === quote) {
      const end = endOfText(json, at);
      if (json.charCodeAt(afterBlanks(json, end)) === colon) {
        const key = JSON.parse(json.slice(at, end)) as string;
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}
