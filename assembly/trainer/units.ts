// Phrases: each joins two earlier units. A dropped phrase keeps its parts.
import { reserve } from '../memory';
import { firstPhrase, FIRST_TOKEN } from './corpus';

/** Bits of a unit, which is less than 2^20: half of them tokens, an eighth phrases at most. */
export const UNIT_BITS: u64 = 20;
export const UNIT_MASK: u32 = 0xf_ffff;

// Size of a phrase: left u32, right u32, length u16, alive u16, unit of its last token u32.
const BYTES: usize = 16;

let phrases: usize = 0;
let phrasesMax: u32 = 0;
export let phraseCount: u32 = 0;

export function beginUnits(max: u32): bool {
  phrases = reserve(<usize>max * BYTES);
  phrasesMax = max;
  phraseCount = 0;
  return phrases != 0;
}

export function phrasesLeft(): u32 {
  return phrasesMax - phraseCount;
}

export function unitCount(): u32 {
  return firstPhrase() + phraseCount;
}

function phraseAt(unit: u32): usize {
  return phrases + <usize>(unit - firstPhrase()) * BYTES;
}

export function isPhrase(unit: u32): bool {
  return unit >= firstPhrase();
}

/** Joins two units; there must be room. */
export function addPhrase(left: u32, right: u32): u32 {
  const unit = firstPhrase() + phraseCount++;
  const at = phraseAt(unit);
  store<u32>(at, left);
  store<u32>(at, right, 4);
  store<u16>(at, unitLength(left) + unitLength(right), 8);
  store<u16>(at, 1, 10);
  store<u32>(at, lastToken(right), 12);
  return unit;
}

export function leftOf(unit: u32): u32 {
  return load<u32>(phraseAt(unit));
}
export function rightOf(unit: u32): u32 {
  return load<u32>(phraseAt(unit), 4);
}
export function unitLength(unit: u32): u32 {
  return isPhrase(unit) ? load<u16>(phraseAt(unit), 8) : 1;
}
export function isAlive(unit: u32): bool {
  return !isPhrase(unit) || load<u16>(phraseAt(unit), 10) != 0;
}
export function drop(unit: u32): void {
  store<u16>(phraseAt(unit), 0, 10);
}
/** Returns the unit of the last token. */
export function lastToken(unit: u32): u32 {
  return isPhrase(unit) ? load<u32>(phraseAt(unit), 12) : unit;
}
/** Returns the context after the unit: the index of its last token. */
export function contextAfter(unit: u32): u32 {
  return lastToken(unit) - FIRST_TOKEN;
}
