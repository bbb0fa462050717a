// Reads the definitions of a registry's symbols: its tokens and its phrases. Definitions are numbered: tokens
// by index, then phrases in the order of the registry.
import * as coder from '../binary-coder';
import { reserve, reserveZeroed } from '../memory';
import * as format from './format';
import * as tables from './tables';

let tokenCount: u32 = 0;
let phraseCount: u32 = 0;
let poolTokens: u32 = 0;

/** u8 by definition. */
export let weights: usize = 0;
export let classes: usize = 0;
/** Table by definition { address of tokens u32, length u32 }. */
export let spellings: usize = 0;
let pool: usize = 0;
let contextClasses: usize = 0;

/** Reserves room for so many; false if there is none. */
export function reserveDefinitions(tokens: u32, phrases: u32, spelled: u32): bool {
  tokenCount = tokens;
  phraseCount = phrases;
  poolTokens = spelled;
  const definitions = tokens + phrases;
  weights = reserve(definitions);
  classes = reserve(definitions);
  spellings = reserve((<usize>definitions) << 3);
  // Copies take 16 bytes at a time.
  pool = reserve(((<usize>(poolTokens + tokenCount)) << 2) + 16);
  const contexts = reserveZeroed(<usize>tables.contextCount() * tables.LINK_BYTES);
  contextClasses = reserveZeroed(tables.contextCount());
  let mapSlots: u32 = 16;
  while (mapSlots < tokenCount + (tokenCount >>> 1)) mapSlots <<= 1;
  const map = reserveZeroed((<usize>mapSlots) << 3);
  if (!weights || !classes || !spellings || !pool || !contexts || !contextClasses || !map) return false;
  tables.setContexts(contexts, contextClasses);
  tables.setTokenMap(map, mapSlots - 1);
  return true;
}

export function readTokens(): bool {
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

/**
 * Phrases are ordered by length, each as a sequence of earlier definitions; the first of them rises within a
 * length.
 */
export function readPhrases(): bool {
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
