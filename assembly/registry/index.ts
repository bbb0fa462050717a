// A registry in its instance: its bytes are put behind everything else, loaded, and stay.
import { prepareCosts } from '../costs';
import { setWorkFloor } from '../decoder/index';
import { setEncoderFloor } from '../encoder/index';
import { leave, reserve } from '../memory';
import { preparePhrases } from '../phrases';
import { prepareText, turnOff } from '../text-matches';
import { spellings } from './definitions';
import * as format from './format';
import { loadRegistry, NO_MEMORY } from './loader';
import * as tables from './tables';

let bytes: usize = 0;

/** Reserves room for the registry's bytes; 0 if there is none. Once in the life of an instance. */
export function beginLoad(length: i32): usize {
  bytes = reserve(<usize>length);
  return bytes;
}

/** Loads those bytes. Returns 0 or negative if malformed or without memory. */
export function loadBytes(length: i32): i32 {
  const result = loadRegistry(bytes, bytes + <usize>length);
  leave(bytes, bytes + <usize>length);
  setWorkFloor();
  return result;
}

/** Prepares the tables that only encoding needs. Returns 0 or negative if there is no memory. */
export function prepareEncoder(): i32 {
  if (!prepareCosts() || !preparePhrases() || !prepareText()) return NO_MEMORY;
  turnOff(false);
  setWorkFloor();
  setEncoderFloor();
  return 0;
}

/** Tokens and phrases that the loaded registry spells: table { address of tokens u32, length u32 }. */
export function spellingsAt(): usize {
  return spellings;
}

/** Number of those. */
export function spellingCount(): u32 {
  return tables.symbols - format.SPECIALS;
}

/** Text of the loaded registry, as words. */
export function textAt(): usize {
  return tables.text;
}

/** Tokens of the text. */
export function textTokens(): u32 {
  return <u32>((tables.textEnd - tables.text) >> 2);
}
