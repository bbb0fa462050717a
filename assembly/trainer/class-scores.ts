// Predictive quality of the classes: counts of (class of the other side, own class), their logarithms, and
// the move of one item to its best class.
import { CLASS_BITS, CLASSES } from '../registry/format';

/** f32 by class of the other side and own class; and their logarithms. */
const joint: usize = memory.data(<i32>(CLASSES * CLASSES * 4), 16);
const logs: usize = memory.data(<i32>(CLASSES * CLASSES * 4), 16);
const sums: usize = memory.data(<i32>(CLASSES * 4), 16);
const sumLogs: usize = memory.data(<i32>(CLASSES * 4), 16);
const scores: usize = memory.data(<i32>(CLASSES * 4), 16);
const shares: usize = memory.data(<i32>(CLASSES * 4), 16);

export function at(table: usize, other: u32, own: u32): usize {
  return table + ((<usize>((other << CLASS_BITS) | own)) << 2);
}

/** Returns the count of an own class after, or before, one of the other side. */
export function jointWeight(other: u32, own: u32): f32 {
  return load<f32>(at(joint, other, own));
}
export function classTotal(own: u32): f32 {
  return load<f32>(sums + ((<usize>own) << 2));
}

export function clearCounts(): void {
  memory.fill(joint, 0, CLASSES * CLASSES * 4);
  memory.fill(sums, 0, CLASSES * 4);
}

export function countPair(other: u32, own: u32, weight: f32): void {
  add(joint, (other << CLASS_BITS) | own, weight);
  add(sums, own, weight);
}

/** Computes the logarithms; to be called when everything is counted. */
export function takeLogarithms(): void {
  for (let i: u32 = 0; i < CLASSES * CLASSES; i++) setLog(logs, joint, i, 0.3);
  for (let i: u32 = 0; i < CLASSES; i++) setLog(sumLogs, sums, i, 1);
}

export function add(table: usize, index: u32, weight: f32): void {
  const slot = table + ((<usize>index) << 2);
  store<f32>(slot, load<f32>(slot) + weight);
}

function setLog(table: usize, values: usize, index: u32, plus: f32): void {
  const value = load<f32>(values + ((<usize>index) << 2));
  store<f32>(table + ((<usize>index) << 2), log2((value > 0 ? value : 0) + plus));
}

/** Returns the logarithm with an error of 1/1000: the exponent, and a polynomial for the mantissa. */
function log2(value: f32): f32 {
  const bits = reinterpret<u32>(value);
  const exponent = <f32>(<i32>(bits >>> 23) - 127);
  const m = reinterpret<f32>((bits & 0x7f_ffff) | 0x3f80_0000);
  return exponent + (((-0.0825 * m + 0.646) * m - 2.1267) * m + 4.0742) * m - 2.5115;
}

/**
 * Moves one item, which occurs `count` times with each of the other side, u32 each `stride` bytes, to its
 * best class.
 */
export function move(
  item: usize,
  others: usize,
  stride: usize,
  weights: usize,
  count: u32,
  otherClasses: usize,
  classes: u32,
): void {
  memory.fill(shares, 0, CLASSES * 4);
  let total: f32 = 0;
  for (let k: u32 = 0; k < count; k++) {
    const weight = load<f32>(weights + ((<usize>k) << 2));
    add(shares, load<u8>(otherClasses + load<u32>(others + <usize>k * stride)), weight);
    total += weight;
  }
  // The item is removed from its class before the classes are compared.
  const old = <u32>load<u8>(item);
  shift(old, -1, total);
  for (let g: usize = 0; g < CLASSES; g += 4) {
    const start = f32x4.mul(f32x4.splat(-total), v128.load(sumLogs + (g << 2)));
    v128.store(scores + (g << 2), start);
  }
  for (let o: u32 = 0; o < CLASSES; o++) {
    const share = load<f32>(shares + ((<usize>o) << 2));
    if (share == 0) continue;
    const factor = f32x4.splat(share);
    const row = at(logs, o, 0);
    for (let g: usize = 0; g < 4 * CLASSES; g += 16) {
      v128.store(scores + g, f32x4.add(v128.load(scores + g), f32x4.mul(factor, v128.load(row + g))));
    }
  }
  let best = old;
  for (let g: u32 = 0; g < classes; g++) {
    if (load<f32>(scores + ((<usize>g) << 2)) > load<f32>(scores + ((<usize>best) << 2))) best = g;
  }
  store<u8>(item, best);
  shift(best, 1, total);
}

/** Adds the item's shares to a class, or subtracts them. */
function shift(own: u32, sign: f32, total: f32): void {
  for (let o: u32 = 0; o < CLASSES; o++) {
    const share = load<f32>(shares + ((<usize>o) << 2));
    if (share == 0) continue;
    add(joint, (o << CLASS_BITS) | own, sign * share);
    setLog(logs, joint, (o << CLASS_BITS) | own, 0.3);
  }
  add(sums, own, sign * total);
  setLog(sumLogs, sums, own, 1);
}
