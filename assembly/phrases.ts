// The phrases and tokens of the registry as a trie over token indexes: which symbols spell what comes
// next. Nodes 0 to tokens - 1 are the tokens themselves, and need no record.
import { release, reserve, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as records from './registry/records';
import * as tables from './registry/tables';

const NODE_BYTES: usize = 12; // parent u32, token index u32, symbol u32 (0: none)

let tokenSymbols: usize = 0; // u32 by token index
let nodes: usize = 0;
let nodeCount: u32 = 0;
let children: usize = 0; // u32 node, 0: empty (node 0 is nobody's child)
let childrenMask: u32 = 0;

/** Builds the trie of the registry that is loaded; false when there is no memory. */
export function preparePhrases(): bool {
  let below: u32 = 0;
  for (let s = format.SPECIALS; s < tables.symbols; s++) below += records.spellingLength(s) - 1;
  let slots: u32 = 16;
  while (slots < below + (below >>> 1)) slots <<= 1;
  children = reserveZeroed((<usize>slots) << 2);
  childrenMask = slots - 1;
  tokenSymbols = reserve((<usize>tables.tokens) << 2);
  nodes = reserve(<usize>(below + 1) * NODE_BYTES);
  if (!children || !tokenSymbols || !nodes) return false;
  nodeCount = tables.tokens;
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const from = records.spelling(s);
    const length = records.spellingLength(s);
    let node = tables.tokenIndex(load<u32>(from));
    for (let i: u32 = 1; i < length; i++) {
      node = childOrNew(node, tables.tokenIndex(load<u32>(from + ((<usize>i) << 2))));
    }
    store<u32>(symbolAt(node), s);
  }
  // Phrases share beginnings: what was reserved for more nodes goes back.
  release((nodeAt(nodeCount) + 15) & ~15);
  return true;
}

function nodeAt(node: u32): usize {
  return nodes + <usize>(node - tables.tokens) * NODE_BYTES;
}

function symbolAt(node: u32): usize {
  return node < tables.tokens ? tokenSymbols + ((<usize>node) << 2) : nodeAt(node) + 8;
}

function slotOf(node: u32, token: u32): u32 {
  const mixed = (node * 0x85eb_ca6b) ^ (token * 0x9e37_79b1);
  return mixed ^ (mixed >>> 14);
}

function childOrNew(node: u32, token: u32): u32 {
  let slot = slotOf(node, token) & childrenMask;
  while (true) {
    const at = children + ((<usize>slot) << 2);
    const next = load<u32>(at);
    if (next == 0) {
      store<u32>(at, nodeCount);
      store<u32>(nodeAt(nodeCount), node);
      store<u32>(nodeAt(nodeCount), token, 4);
      store<u32>(nodeAt(nodeCount), 0, 8);
      return nodeCount++;
    }
    if (load<u32>(nodeAt(next)) == node && load<u32>(nodeAt(next), 4) == token) return next;
    slot = (slot + 1) & childrenMask;
  }
}

/** The node that follows `node` with a token, or 0. */
export function childOf(node: u32, token: u32): u32 {
  let slot = slotOf(node, token) & childrenMask;
  while (true) {
    const next = load<u32>(children + ((<usize>slot) << 2));
    if (next == 0) return 0;
    const at = nodeAt(next);
    if (load<u32>(at) == node && load<u32>(at, 4) == token) return next;
    slot = (slot + 1) & childrenMask;
  }
}

/** The symbol that spells the way to the node, or 0. */
export function nodeSymbol(node: u32): u32 {
  return load<u32>(symbolAt(node));
}
