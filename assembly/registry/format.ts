// Numbers that a registry and its frames agree on: see docs/formats/codec.md.

export const MAGIC: u32 = 0x524b5453; // "STKR"
export const FORMAT_VERSION: u8 = 1;
export const CHECKSUM_BYTES: usize = 4;

export const TOKENS_MAX: u32 = 1 << 19;
export const PHRASES_MAX: u32 = 1 << 17;
export const PHRASE_TOKENS_MAX: u32 = 256;
/** Limit of the tokens of all phrases together. */
export const POOL_TOKENS_MAX: u32 = 1 << 22;
/** Limit of the followers of all contexts together. */
export const FOLLOWERS_MAX: u32 = 1 << 21;
export const CONTEXT_FOLLOWERS_MAX: u32 = 2048;
/** Limit of the tokens of the text that matches may reach. */
export const TEXT_TOKENS_MAX: u32 = 1 << 20;
/** Tokens of one block of the text. */
export const TEXT_BLOCK_TOKENS: u32 = 1 << 16;
/** Size of the head: magic, format version, id, bytes of the coded part. */
export const HEAD_BYTES: usize = 13;

/** Symbols that are not tokens; the others follow them, by class and falling weight. */
export const END: u32 = 0;
export const MATCH: u32 = 1;
export const UNSEEN: u32 = 2;
export const SPECIALS: u32 = 3;

export const CLASS_BITS: u32 = 6;
export const CLASSES: u32 = 1 << CLASS_BITS;
/** Each special symbol is alone in a class of its own, from the last class down. */
export const ORDINARY_CLASSES: u32 = CLASSES - SPECIALS;

export function specialClass(symbol: u32): u32 {
  return CLASSES - 1 - symbol;
}

/** The shares of a table's values add up to 2^12 slots, those of a class's symbols to 2^15. */
export const TABLE_BITS: u32 = 12;
export const MEMBER_BITS: u32 = 15;
/** At least half of a table's slots are left to be divided by weight. */
export const CLASS_SYMBOLS_MAX: u32 = 1 << (MEMBER_BITS - 1);

/** Bits of a weight's code: half an octave per step. */
export const WEIGHT_BITS: u32 = 6;
export const WEIGHT_CODES: u32 = 1 << WEIGHT_BITS;

export function weightOf(code: u32): u64 {
  const octave = (<u64>1) << (code >>> 1);
  return code & 1 ? (octave * 46341) >>> 15 : octave;
}

/** Codes of a distance: its bit length less one. The bits after the first follow. */
export const DISTANCE_CODES: u32 = 21;
export const DISTANCE_MAX: u32 = (1 << 21) - 1;

/** Codes of a length: one each for 1 to 12; longer ones share one per half octave. */
export const LENGTH_CODES: u32 = 46;
export const LENGTH_MAX: u32 = (1 << 20) - 1;

export function lengthCode(length: u32): u32 {
  if (length <= 12) return length - 1;
  const top = 31 - <u32>clz(length);
  return 12 + ((top - 3) << 1) + ((length >>> (top - 1)) & 1);
}

/** Returns the raw bits that follow a length's code. */
export function lengthBits(code: u32): u32 {
  return code < 12 ? 0 : 2 + ((code - 12) >>> 1);
}

export function lengthBase(code: u32): u32 {
  return code < 12 ? code + 1 : (2 | (code & 1)) << (2 + ((code - 12) >>> 1));
}

/** Codes of an unseen token: its bit length. The bits after the first follow. */
export const UNSEEN_CODES: u32 = 33;

export function bitLength(value: u32): u32 {
  return 32 - <u32>clz(value);
}

/** Models of the range coder, by the values that they describe. Numbers and weights take 64 models each. */
const NUMBER: i32 = 64;
const BY_CLASS: i32 = 64 * <i32>CLASSES;
const CLASS_BY_CLASS: i32 = <i32>(CLASSES * CLASSES);
export const MODEL_COUNTS: i32 = 0;
export const MODEL_TOKEN: i32 = NUMBER;
export const MODEL_WEIGHT: i32 = MODEL_TOKEN + NUMBER; // tree, by class
export const MODEL_CLASS: i32 = MODEL_WEIGHT + BY_CLASS; // two trees: tokens, phrases
export const MODEL_CONTEXT_CLASS: i32 = MODEL_CLASS + 2 * <i32>CLASSES; // tree, by the token's class
export const MODEL_PHRASE_LENGTH: i32 = MODEL_CONTEXT_CLASS + CLASS_BY_CLASS;
export const MODEL_FIRST_PART: i32 = MODEL_PHRASE_LENGTH + NUMBER;
export const MODEL_PART: i32 = MODEL_FIRST_PART + NUMBER;
export const MODEL_TABLE: i32 = MODEL_PART + NUMBER; // tree, by the entry of a fixed table
export const MODEL_FOLLOWERS: i32 = MODEL_TABLE + BY_CLASS; // number, by the context's class
export const MODEL_ESCAPE: i32 = MODEL_FOLLOWERS + BY_CLASS;
export const MODEL_FOLLOWER_CLASS: i32 = MODEL_ESCAPE + NUMBER; // tree, by the context's class
export const MODEL_RANK: i32 = MODEL_FOLLOWER_CLASS + CLASS_BY_CLASS; // number, by the follower's class
export const MODEL_RANK_STEP: i32 = MODEL_RANK + BY_CLASS;
export const MODEL_FREQUENCY: i32 = MODEL_RANK_STEP + BY_CLASS; // tree, by the log of the number of followers
export const MODELS: i32 = MODEL_FREQUENCY + NUMBER * 16;
