// Tokens of short pieces that were encoded lately. Most pieces of a text are among the few thousand that all
// texts repeat: one look here takes the place of several into tables that no cache of a processor holds.
import { reserve } from '../memory';

/** Bytes of a piece that is kept, and tokens that it may have become. */
export const KEPT_BYTES: u32 = 15;
const KEPT_TOKENS: u32 = 3;

const ENTRY: usize = 32;
/** Half a megabyte. A piece takes the place of another one with the same place. */
const ENTRY_BITS: u64 = 14;

/**
 * By a hash of the piece: its bytes, filled up with zeros, and their number in the last byte; then its
 * tokens, u32 each, and their number. No piece has no bytes, so that zeros are an entry of none.
 */
let entries: usize = 0;
/** v128 by number of bytes: these bytes. */
const masks: usize = memory.data(16 * 16, 16);

/** False: no memory. */
export function prepareKept(): bool {
  entries = reserve(ENTRY << (<usize>ENTRY_BITS));
  if (entries == 0) return false;
  memory.fill(entries, 0, ENTRY << (<usize>ENTRY_BITS));
  for (let length: usize = 0; length < 16; length++) {
    memory.fill(masks + (length << 4), 0, 16);
    memory.fill(masks + (length << 4), 0xff, length);
  }
  return true;
}

/** Place of the piece that was looked for last, and its bytes as in an entry. */
let entry: usize = 0;
const key: usize = memory.data(16, 16);

/**
 * Writes the tokens of a piece of 1 to KEPT_BYTES bytes at `out`, if it is kept, and up to 16 bytes. Returns
 * their end, or 0. Reads 16 bytes of the piece.
 */
export function writeKept(at: usize, length: u32, out: usize): usize {
  const masked = v128.and(v128.load(at), v128.load(masks + ((<usize>length) << 4)));
  const piece = i8x16.replace_lane(masked, 15, <i8>length);
  const low = <u64>i64x2.extract_lane(piece, 0) * 0x9e37_79b9_7f4a_7c15;
  const high = <u64>i64x2.extract_lane(piece, 1) * 0xff51_afd7_ed55_8ccd;
  const hash = low ^ high ^ (low >>> 32) ^ (high >>> 29);
  entry = entries + <usize>((hash * 0xc4ce_b9fe_1a85_ec53) >>> (64 - ENTRY_BITS)) * ENTRY;
  if (v128.any_true(v128.xor(v128.load(entry), piece))) {
    v128.store(key, piece);
    return 0;
  }
  v128.store(out, v128.load(entry, 16));
  return out + ((<usize>load<u32>(entry, 28)) << 2);
}

/** Keeps the tokens in [out, end) of the piece that was not found, if they are few. Reads 16 bytes. */
export function keep(out: usize, end: usize): void {
  const count = <u32>((end - out) >>> 2);
  if (count > KEPT_TOKENS) return;
  v128.store(entry, v128.load(key));
  v128.store(entry, v128.load(out), 16);
  store<u32>(entry, count, 28);
}
