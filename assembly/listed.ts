// The encoder's data about each context, in one place of memory: the followers that it lists, found by their
// symbols, and the phrases that begin with its token.
//
// A record of 32 bytes { address of the context's buckets u32; their number u16; for its escape, zeros if
// nothing is listed: the first slot u16, the slots u16, the cost u16; cost of a match u16; class u16; node of
// its token (see phrases.ts) 8 bytes; 8 unused bytes, so that no record crosses the border of two cache lines
// }. In the unseen context, UNSEEN takes the place of a token.
//
// A bucket is 16 bytes, so that one comparison searches it: four followers { symbol u20, slots u12 }, then
// zeros. A follower whose bucket is full is in the next one that is not. Contexts that list nothing share an
// empty one.
import { reserve, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as records from './registry/records';
import * as tables from './registry/tables';

const RECORD_BYTES: usize = 32;
const BUCKETS: usize = 4;
const ESCAPE_FIRST: usize = 6;
const ESCAPE_SLOTS: usize = 8;
const ESCAPE_COST: usize = 10;
const MATCH_COST: usize = 12;
const CLASS: usize = 14;
const NODE: usize = 16;

/** Mask of the slots of a follower { symbol, slots }. */
const SLOTS_MASK: u32 = (1 << format.TABLE_BITS) - 1;
/** Average of the followers in a bucket, which has room for four: so most lookups end in the first bucket. */
const BUCKET_FOLLOWERS: u32 = 2;

let contexts: usize = 0;
let buckets: usize = 0;
/** u16 by place in a bucket: the first slot of the follower there. */
let firstSlots: usize = 0;

/** Builds the index of the loaded registry; false if there is no memory. */
export function prepareListed(): bool {
  const count = tables.unseenContext() + 1;
  contexts = reserveZeroed(<usize>(count + 1) * RECORD_BYTES);
  if (contexts == 0) return false;
  contexts = (contexts + RECORD_BYTES - 1) & ~(RECORD_BYTES - 1);
  let all: u32 = 1;
  for (let context: u32 = 0; context < count; context++) {
    const listed = tables.listsFollowers(context) ? tables.valueCount(context) - 1 : 0;
    const own = (listed + BUCKET_FOLLOWERS - 1) / BUCKET_FOLLOWERS;
    // The address is not known yet: the number of the first bucket is stored in its place.
    store<u32>(recordOf(context), own == 0 ? 0 : all);
    store<u16>(recordOf(context), own == 0 ? 1 : own, BUCKETS);
    all += own;
  }
  buckets = reserveZeroed((<usize>all) << 4);
  firstSlots = reserve((<usize>all) << 3);
  if (!buckets || !firstSlots) return false;
  for (let context: u32 = 0; context < count; context++) {
    const record = recordOf(context);
    store<u32>(record, <u32>(buckets + ((<usize>load<u32>(record)) << 4)));
    store<u16>(record, tables.contextClass(context), CLASS);
    if (tables.listsFollowers(context)) list(context);
  }
  return true;
}

/** Enters the values of a context's table. */
function list(context: u32): void {
  const record = recordOf(context);
  const count = tables.valueCount(context);
  // The first value is the escape, unless END precedes it.
  const escape: u32 = records.symbolOf(tables.recordAt(context, 0)) == format.END ? 1 : 0;
  for (let value: u32 = 0; value < count; value++) {
    const last = tables.lastSlotAt(context, value);
    const slots = tables.slotCount(last);
    if (value == escape) {
      store<u16>(record, tables.firstSlot(last), ESCAPE_FIRST);
      store<u16>(record, slots, ESCAPE_SLOTS);
      continue;
    }
    const symbol = records.symbolOf(tables.recordAt(context, value));
    let at = bucketOf(record, symbol);
    while (load<u32>(at, 12) != 0) at = bucketAfter(record, at);
    while (load<u32>(at) != 0) at += 4;
    store<u32>(at, (symbol << format.TABLE_BITS) | slots);
    store<u16>(firstSlots + ((at - buckets) >>> 1), tables.firstSlot(last));
  }
}

export function recordOf(context: u32): usize {
  return contexts + <usize>context * RECORD_BYTES;
}

function bucketOf(record: usize, symbol: u32): usize {
  const bucket = (((symbol * 0x9e37_79b1) >>> 16) * <u32>load<u16>(record, BUCKETS)) >>> 16;
  return <usize>load<u32>(record) + ((<usize>bucket) << 4);
}

function bucketAfter(record: usize, bucket: usize): usize {
  const first = <usize>load<u32>(record);
  const end = first + ((<usize>load<u16>(record, BUCKETS)) << 4);
  return bucket + 16 == end ? first : bucket + 16;
}

/** Returns one bit for each place of a bucket: whether the symbol is there. */
function placesOf(bucket: usize, symbol: u32): i32 {
  const symbols = v128.shr<u32>(v128.load(bucket), format.TABLE_BITS);
  return i32x4.bitmask(i32x4.eq(symbols, i32x4.splat(symbol)));
}

/**
 * Returns the follower { symbol, slots } of a context that is the symbol; 0 if it is not listed. END equals
 * an empty place, so its slots can be 0 too.
 */
export function find(record: usize, symbol: u32): usize {
  let bucket = bucketOf(record, symbol);
  while (true) {
    const places = placesOf(bucket, symbol);
    if (places != 0) return bucket + ((<usize>ctz(places)) << 2);
    if (load<u32>(bucket, 12) == 0) return 0;
    bucket = bucketAfter(record, bucket);
  }
}

/**
 * Returns the slots of a symbol if the context lists it, otherwise 0: find() with one branch only, which is
 * rarely taken.
 */
export function findSlots(record: usize, symbol: u32): u32 {
  const bucket = bucketOf(record, symbol);
  const places = placesOf(bucket, symbol);
  if (places == 0 && load<u32>(bucket, 12) != 0) {
    const follower = find(record, symbol);
    return follower == 0 ? 0 : slotsOf(follower);
  }
  // If there is no such place, the first one is read and ignored.
  const slots = slotsOf(bucket + ((<usize>(ctz(places) & 3)) << 2));
  return select<u32>(slots, 0, places);
}

export function slotsOf(follower: usize): u32 {
  return load<u32>(follower) & SLOTS_MASK;
}
export function firstSlotOf(follower: usize): u32 {
  return load<u16>(firstSlots + ((follower - buckets) >>> 1));
}

export function escapeFirst(record: usize): u32 {
  return load<u16>(record, ESCAPE_FIRST);
}
/** Returns 0 if the context lists nothing. */
export function escapeSlots(record: usize): u32 {
  return load<u16>(record, ESCAPE_SLOTS);
}
export function escapeCost(record: usize): u32 {
  return load<u16>(record, ESCAPE_COST);
}
export function matchCost(record: usize): u32 {
  return load<u16>(record, MATCH_COST);
}
export function contextClass(record: usize): u32 {
  return load<u16>(record, CLASS);
}
/** Returns the node of the context's token, at which the trie of phrases begins. */
export function nodeOf(record: usize): usize {
  return record + NODE;
}

export function setEscapeCost(record: usize, cost: u32): void {
  store<u16>(record, cost, ESCAPE_COST);
}
export function setMatchCost(record: usize, cost: u32): void {
  store<u16>(record, cost, MATCH_COST);
}
