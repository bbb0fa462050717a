// Cheapest known paths to the positions of a window: the cost of each, and its last step.

export const WINDOW_TOKENS: i32 = 4096;
/** A cost above that of any path, as a signed number too. */
export const INFINITE: u32 = 0x7fff_ffff;
/** Flag of a step by a match: the other bits are its distance. Without it they are a symbol. */
export const MATCH_FLAG: u32 = 0x8000_0000;

/** u32 by position: cost of the path to it. Four are read at once, also behind the last one. */
const costs: usize = memory.data(4 * (WINDOW_TOKENS + 1 + 4), 16);
/** Last step to each position { position before it u32; symbol or match u32 }. */
const steps: usize = memory.data(8 * (WINDOW_TOKENS + 1), 16);
/** Positions of the cheapest path through a window, last first. */
const way: usize = memory.data(4 * (WINDOW_TOKENS + 1), 16);

/** Resets positions 1 to `size`: no path to them is known. */
export function startWindow(size: u32): void {
  const nothing = i32x4.splat(INFINITE);
  const end = costs + ((<usize>size) << 2);
  for (let at = costs; at <= end; at += 16) v128.store(at, nothing);
  store<u32>(costs, 0);
}

function costSlot(at: u32): usize {
  return costs + ((<usize>at) << 2);
}

export function costTo(at: u32): u32 {
  return load<u32>(costSlot(at));
}
export function stepFrom(at: u32): u32 {
  return load<u32>(steps + ((<usize>at) << 3));
}
export function stepTakes(at: u32): u32 {
  return load<u32>(steps + ((<usize>at) << 3), 4);
}

function setStep(at: u32, cost: u32, from: u32, takes: u32): void {
  store<u32>(costSlot(at), cost);
  store<u64>(steps + ((<usize>at) << 3), (<u64>from) | ((<u64>takes) << 32));
}

/** Records a step to `at`, if the path over it is cheaper than the known one. */
export function offer(at: u32, cost: u32, from: u32, takes: u32): void {
  if (cost < costTo(at)) setStep(at, cost, from, takes);
}

/**
 * Offers steps from `from`, 1 to `longest` tokens long, each for `base` plus the cost of its length, u32 at
 * `lengthCosts`. All but the first four are processed by fours. The first four were stored one by one a
 * moment ago, and a processor that loads such stores together waits until they have reached its cache.
 */
export function offerLengths(from: u32, longest: u32, base: u32, lengthCosts: usize, takes: u32): void {
  const few: u32 = longest < 4 ? longest : 4;
  for (let length: u32 = 1; length <= few; length++) {
    offer(from + length, base + costOfLength(lengthCosts, length), from, takes);
  }
  const bases = i32x4.splat(base);
  for (let done: u32 = 4; done < longest; done += 4) {
    const four = i32x4.add(bases, v128.load(lengthCosts + ((<usize>done) << 2)));
    const left = longest - done;
    let cheaper = i32x4.bitmask(i32x4.lt_s(four, v128.load(costSlot(from + done + 1))));
    if (left < 4) cheaper &= (1 << left) - 1;
    for (; cheaper != 0; cheaper &= cheaper - 1) {
      const length = done + 1 + <u32>ctz(cheaper);
      setStep(from + length, base + costOfLength(lengthCosts, length), from, takes);
    }
  }
}

function costOfLength(lengthCosts: usize, length: u32): u32 {
  return load<u32>(lengthCosts + ((<usize>(length - 1)) << 2));
}

/**
 * Collects the positions of the path to `size`; returns their number. Then wayAt() returns them, last first.
 */
export function collectWay(size: u32): u32 {
  let count: u32 = 0;
  for (let at = size; at > 0; at = stepFrom(at)) {
    store<u32>(way + ((<usize>count) << 2), at);
    count++;
  }
  return count;
}
export function wayAt(i: u32): u32 {
  return load<u32>(way + ((<usize>i) << 2));
}
