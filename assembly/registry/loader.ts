// Reads a registry to the tables. Nothing in it is trusted: every count is checked before memory is reserved
// for it, every index before it is used.
import * as coder from '../binary-coder';
import { decodeBlock } from '../decoder/index';
import { reserve } from '../memory';
import { checksum } from './checksum';
import { readPhrases, readTokens, reserveDefinitions } from './definitions';
import { readFixedTables, readFollowers } from './followers';
import * as format from './format';
import { beginTables, endTables } from './layout';
import { layOutClasses, leadOn, rankSymbols } from './symbols';
import * as tables from './tables';

export const MALFORMED: i32 = -1;
export const NO_MEMORY: i32 = -2;

let textTokens: u32 = 0;

/** Reads the registry at [from, to); returns 0 or the reason why not. Reserves the memory of the tables. */
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

/** Reads the coded part of registry `id`; bytes after it are ignored. */
export function loadTables(id: u32, from: usize, to: usize): i32 {
  if (!coder.resetModels(format.MODELS)) return NO_MEMORY;
  coder.startReading(from, to);
  const tokens = coder.readNumber(format.MODEL_COUNTS);
  const phrases = coder.readNumber(format.MODEL_COUNTS);
  const followers = coder.readNumber(format.MODEL_COUNTS);
  const spelled = coder.readNumber(format.MODEL_COUNTS);
  textTokens = coder.readNumber(format.MODEL_COUNTS);
  if (tokens > format.TOKENS_MAX || phrases > format.PHRASES_MAX) return MALFORMED;
  if (followers > format.FOLLOWERS_MAX || spelled > format.POOL_TOKENS_MAX) return MALFORMED;
  if (textTokens > format.TEXT_TOKENS_MAX) return MALFORMED;
  const definitions = tokens + phrases;
  tables.setIdentity(id, tokens, format.SPECIALS + definitions);
  tables.setText(0, 0);
  if (!reserveDefinitions(tokens, phrases, spelled)) return NO_MEMORY;
  if (!readTokens() || !readPhrases()) return MALFORMED;
  if (!rankSymbols(definitions) || !beginTables()) return NO_MEMORY;
  if (!layOutClasses() || !readFixedTables() || !readFollowers(followers)) return MALFORMED;
  endTables();
  leadOn();
  return coder.finishedReading() ? 0 : MALFORMED;
}

/** Reads the text: blocks after their lengths. */
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
