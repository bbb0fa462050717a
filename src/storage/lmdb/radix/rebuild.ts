import { wholeBlocks } from '../../contract/queries.js';
import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { ConversationNumber, NodeId } from '../tables/ids.js';
import { placesIn } from './conversation-nodes.js';
import { nodesIn } from './node-group.js';
import { blockCount, blocksOf, type RadixNode, nodeEnd } from './nodes.js';
import { RadixIndex } from './radix-index.js';

interface Entry {
  readonly conversation: ConversationNumber;
  readonly application: string;
  readonly node: NodeId;
  readonly depth: number;
}

/**
 * Rebuilds the prefix index from its nodes and from the positions of conversations in them. A conversation
 * whose nodes are damaged is left out: it stays stored, but is not found by its prefix. Holds the nodes in
 * memory.
 */
export function rebuildRadix(tables: Tables, nameOf: StringOf, nextConversation: number): void {
  const nodes = new Map<NodeId, RadixNode>();
  for (const { key, value } of tables.radixNodes.scan()) {
    for (const { number, node } of (value && undefinedIfCorrupt(() => nodesIn(key, value))) ?? [])
      nodes.set(number, { ...node, blocks: Buffer.from(node.blocks) });
  }
  const entries: Entry[] = [];
  for (const { key, value } of tables.conversationNodes.scan()) {
    for (const [number, place] of (value && undefinedIfCorrupt(() => placesIn(key, value))) ?? []) {
      const conversation = undefinedIfCorrupt(() => {
        const record = tables.conversations.get(number);
        return record && readHeader(record, nameOf).conversation;
      });
      if (!conversation || place.depth > wholeBlocks(conversation.totalTokens)) continue;
      entries.push({
        conversation: number,
        application: conversation.application,
        ...place,
      });
    }
  }
  tables.radixNodes.clear();
  tables.conversationNodes.clear();
  tables.radixEdges.clear();
  tables.radixEnds.clear();
  // Names in full: a compaction replaces them by their codes.
  const index = new RadixIndex(tables, () => 1, { codeOf: () => undefined, stringOf: nameOf });
  for (const { conversation, application, node, depth } of entries) {
    const blocks = blocksBefore(nodes, node, depth);
    if (blocks) index.insert(conversation, application, blocks);
  }
  index.flush(nextConversation);
}

/** Returns the blocks up to a position; undefined if some are missing. */
function blocksBefore(nodes: ReadonlyMap<NodeId, RadixNode>, number: NodeId, depth: number) {
  const pieces: Uint8Array[] = [];
  let end = depth;
  for (let at = number; at !== 0;) {
    const node = nodes.get(at);
    if (!node || node.start >= end || end > nodeEnd(node)) return undefined;
    pieces.unshift(blocksOf(node.blocks, 0, end - node.start));
    end = node.start;
    at = node.parent;
  }
  const blocks = Buffer.concat(pieces);
  return end === 0 && blockCount(blocks) > 0 ? blocks : undefined;
}
