// The cheapest ways to the positions of a window, as far as they are known: what each costs, and its last step.

export const WINDOW_TOKENS: i32 = 4096;
/** What is more than any way costs, as a signed number too. */
export const INFINITE: u32 = 0x7fff_ffff;
/** What a step takes is a symbol, or with this flag the distance of a match. */
export const MATCH_FLAG: u32 = 0x8000_0000;

/** u32 by position: what it costs to get there. Four are looked at at once, also behind the last one. */
const costs: usize = memory.data(4 * (WINDOW_TOKENS + 1 + 4), 16);
/** By position, of the last step to there { position it comes from u32; what it takes u32 }. */
const steps: usize = memory.data(8 * (WINDOW_TOKENS + 1), 16);
/** Positions of the cheapest way through a window, last first. */
const way: usize = memory.data(4 * (WINDOW_TOKENS + 1), 16);

/** Nothing is known of the ways to positions 1 to `size`. */
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

/** A step to `at`, if the way there is cheaper than what is known. */
export function offer(at: u32, cost: u32, from: u32, takes: u32): void {
  if (cost < costTo(at)) setStep(at, cost, from, takes);
}

/**
 * Offers steps from `from`, 1 to `longest` tokens long, each for `base` and what its length costs, u32 at `lengthCosts`.
 * All but the first four are looked at by fours: those were stored to a moment ago, one by one, and a processor that
 * reads stores together waits until they have reached its cache.
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

/** Collects the positions of the way to `size`; their number. Then wayAt() has them, last first. */
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
