// Phrases and tokens of the registry as a trie over token indexes: it finds the symbols that match the tokens
// ahead. A node is the address of { its symbol u32, 0: none; its filter u32: bits of the tokens that may
// follow, which excludes most of those that do not }. The tokens' own nodes are in a row, by index. Every
// other node is at the hash of its parent and token, with open addressing of { parent u32, token index u32,
// node }: one access to memory reads all of it.
import * as listed from './listed';
import { reserveZeroed } from './memory';
import * as format from './registry/format';
import * as records from './registry/records';
import * as tables from './registry/tables';

const FILTER: usize = 4;
const SLOT_BYTES: usize = 16;
const SLOT_NODE: usize = 8;

let slots: usize = 0;
let slotCount: u32 = 0;

/** Builds the trie of the loaded registry; false if there is no memory. */
export function preparePhrases(): bool {
  let below: u32 = 0;
  for (let s = format.SPECIALS; s < tables.symbols; s++) below += records.spellingLength(s) - 1;
  // Phrases share beginnings, so the number of nodes is below this.
  slotCount = below + (below >>> 2) + 1;
  slots = reserveZeroed(<usize>slotCount * SLOT_BYTES);
  if (!slots) return false;
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const from = records.spelling(s);
    const length = records.spellingLength(s);
    const first = listed.recordOf(tables.tokenIndex(load<u32>(from)));
    let node = listed.nodeOf(first);
    for (let i: u32 = 1; i < length; i++) {
      node = childOrNew(node, tables.tokenIndex(load<u32>(from + ((<usize>i) << 2))));
    }
    store<u32>(node, s);
  }
  store<u32>(listed.nodeOf(listed.recordOf(tables.unseenContext())), format.UNSEEN);
  return true;
}

function filterBit(token: u32): u32 {
  return 1 << ((token * 0x9e37_79b1) >>> 27);
}

function slotOf(node: usize, token: u32): usize {
  const mixed = (<u32>(node >>> 3) * 0x85eb_ca6b) ^ (token * 0x9e37_79b1);
  const slot = <u32>((<u64>((mixed ^ (mixed >>> 14)) * 0x9e37_79b1) * slotCount) >>> 32);
  return slots + <usize>slot * SLOT_BYTES;
}

function after(slot: usize): usize {
  return slot + SLOT_BYTES < slots + <usize>slotCount * SLOT_BYTES ? slot + SLOT_BYTES : slots;
}

function keyOf(node: usize, token: u32): u64 {
  return ((<u64>token) << 32) | (<u64>node);
}

function childOrNew(node: usize, token: u32): usize {
  const key = keyOf(node, token);
  let slot = slotOf(node, token);
  while (load<u64>(slot) != 0 && load<u64>(slot) != key) slot = after(slot);
  store<u64>(slot, key);
  store<u32>(node, load<u32>(node, FILTER) | filterBit(token), FILTER);
  return slot + SLOT_NODE;
}

/** Returns the node that follows `node` with a token, or 0. */
export function childOf(node: usize, token: u32): usize {
  if ((load<u32>(node, FILTER) & filterBit(token)) == 0) return 0;
  const key = keyOf(node, token);
  let slot = slotOf(node, token);
  while (true) {
    const found = load<u64>(slot);
    if (found == key) return slot + SLOT_NODE;
    if (found == 0) return 0;
    slot = after(slot);
  }
}

/** Returns the same node without branches, except for one that is rarely taken. */
export function childOfStraight(node: usize, token: u32): usize {
  const passes = load<u32>(node, FILTER) & filterBit(token);
  // If the filter excludes the token, the node itself is read, which is at hand.
  const slot = select<usize>(slotOf(node, token), node, passes);
  const found = load<u64>(slot);
  const isIt = found == keyOf(node, token);
  if ((<i32>(passes != 0)) & (<i32>(found != 0)) & (<i32>!isIt)) return childOf(node, token);
  return select<usize>(slot + SLOT_NODE, 0, (<i32>(passes != 0)) & (<i32>isIt));
}

/** Returns the symbol of the path to the node, or 0. */
export function nodeSymbol(node: usize): u32 {
  return load<u32>(node);
}
