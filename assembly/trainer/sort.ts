// Radix sort of u64 keys. Counting pairs by sorting them is linear and deterministic, and needs no table that
// could fill up.

const RADIX_BITS: u32 = 11;
const BUCKETS: u32 = 1 << RADIX_BITS;
const histogram: usize = memory.data(8192);

/**
 * Sorts `count` keys of `bits` significant bits at `keys`, with as much scratch at `other`; returns the
 * address of the sorted keys, one of the two.
 */
export function sortKeys(keys: usize, other: usize, count: u32, bits: u32): usize {
  let from = keys;
  let to = other;
  for (let shift: u32 = 0; shift < bits; shift += RADIX_BITS) {
    const mask = bits - shift < RADIX_BITS ? ((<u32>1) << (bits - shift)) - 1 : BUCKETS - 1;
    memory.fill(histogram, 0, (<usize>BUCKETS) << 2);
    const end = from + ((<usize>count) << 3);
    for (let at = from; at < end; at += 8) {
      const bucket = bucketOf(load<u64>(at), shift, mask);
      store<u32>(bucket, load<u32>(bucket) + 1);
    }
    let sum: u32 = 0;
    for (let b: u32 = 0; b < BUCKETS; b++) {
      const bucket = histogram + ((<usize>b) << 2);
      const size = load<u32>(bucket);
      store<u32>(bucket, sum);
      sum += size;
    }
    for (let at = from; at < end; at += 8) {
      const key = load<u64>(at);
      const bucket = bucketOf(key, shift, mask);
      const place = load<u32>(bucket);
      store<u32>(bucket, place + 1);
      store<u64>(to + ((<usize>place) << 3), key);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

function bucketOf(key: u64, shift: u32, mask: u32): usize {
  return histogram + ((<usize>((<u32>(key >>> shift)) & mask)) << 2);
}
