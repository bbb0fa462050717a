// Converts weight codes to frequencies that add up to a power of two. Integers only: every reader of a
// registry must compute the same ones.
import { weightOf } from './format';

/**
 * Writes the running starts (u32, `count` + 1 of them, from 0 to 2^bits) for the u8 weight codes. Each entry
 * gets at least one slot; the remainder of rounding goes to the first of the heaviest.
 */
export function spread(codes: usize, count: u32, bits: u32, starts: usize): void {
  let sum: u64 = 0;
  let heaviest: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const code = load<u8>(codes + i);
    sum += weightOf(code);
    if (code > load<u8>(codes + heaviest)) heaviest = i;
  }
  const slots = (<u64>1) << bits;
  const spare = slots - count;
  let left = slots;
  for (let i: u32 = 0; i < count; i++) left -= 1 + (weightOf(load<u8>(codes + i)) * spare) / sum;
  let start: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(starts + ((<usize>i) << 2), start);
    start += <u32>(1 + (weightOf(load<u8>(codes + i)) * spare) / sum);
    if (i == heaviest) start += <u32>left;
  }
  store<u32>(starts + ((<usize>count) << 2), start);
}
