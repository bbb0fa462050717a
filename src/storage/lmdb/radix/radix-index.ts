import type { Tables } from '../tables/environment.js';
import { RADIX_NODE_BLOCKS } from '../tables/layout.js';
import type { ConversationNumber, NodeId } from '../tables/ids.js';
import { ConversationNodes } from './conversation-nodes.js';
import type { NodePosition } from './places.js';
import { RadixNodes } from './node-table.js';
import { blockCount, blocksOf, type RadixNames, type RadixNode, nodeEnd, ROOT } from './nodes.js';

const BEGIN: NodePosition = { node: ROOT, depth: 0 };
/** Hidden conversations that a search passes over: it ends with what it has found until then. */
const HIDDEN_MAX = 2048;

interface Found {
  readonly places: readonly NodePosition[];
  readonly nextDepth: number;
  readonly conversations: ConversationNumber[];
}

/**
 * A radix tree over block fingerprints for each application; every conversation ends at one position in it.
 * Shared prefixes are stored once. Used for one stretch of reading, or for one write transaction, which ends
 * with flush().
 */
export class RadixIndex {
  readonly #nodes: RadixNodes;
  readonly #places: ConversationNodes;
  /** Blocks of the last insertion that the tree had already. */
  sharedBlocks = 0;

  /** `next` is the next conversation's number before this transaction. */
  constructor(
    tables: Pick<Tables, 'radixNodes' | 'radixEdges' | 'radixEnds' | 'conversationNodes'>,
    next: () => number,
    names: RadixNames,
  ) {
    this.#nodes = new RadixNodes(tables, names);
    this.#places = new ConversationNodes(tables.conversationNodes, next);
  }

  /** Inserts a conversation that is not in the index. */
  insert(conversation: ConversationNumber, application: string, blocks: Uint8Array): void {
    this.#settle(conversation, this.#grow(BEGIN, application, blocks));
  }

  /**
   * Adds blocks to a conversation that has `depth` so far. A conversation without all of those is not
   * changed.
   */
  extend(conversation: ConversationNumber, application: string, depth: number, blocks: Uint8Array): void {
    // One that is shorter than a block, or was never indexed.
    const place = this.#places.get(conversation) ?? BEGIN;
    this.sharedBlocks = 0;
    if (place.depth !== depth || blocks.length === 0) return;
    this.#leave(conversation, place);
    this.#settle(conversation, this.#grow(place, application, blocks));
  }

  /** Inserts a conversation that shares so many blocks of another one. */
  fork(parent: ConversationNumber, conversation: ConversationNumber, depth: number): void {
    const place = this.#places.get(parent);
    if (!place) return;
    let { node } = place;
    let end = Infinity;
    while (node !== 0) {
      const { parent: before, start } = this.#nodes.get(node);
      if (start >= end) throw this.#nodes.corrupt(node, 'does not begin before the node after it');
      if (start < depth) break;
      [node, end] = [before, start];
    }
    this.#settle(conversation, { node, depth: Math.min(depth, place.depth) });
  }

  remove(conversation: ConversationNumber): void {
    const place = this.#places.get(conversation);
    if (!place) return;
    this.#leave(conversation, place);
    this.#places.set(conversation, undefined);
    this.#prune(place.node);
  }

  /** Writes buffered changes; `next` is the next conversation's number after this transaction. */
  flush(next: number): void {
    this.#nodes.flush();
    this.#places.flush(next);
  }

  /**
   * Finds the greatest number of blocks that any conversation shares, and some of those conversations; of one
   * application or of all. Passes over those that are hidden.
   */
  find(
    application: string | undefined,
    blocks: Uint8Array,
    limit: number,
    isHidden: (conversation: ConversationNumber) => boolean = () => false,
  ): { readonly blocks: number; readonly conversations: ConversationNumber[] } {
    let hidden = 0;
    const isVisible = (conversation: ConversationNumber): boolean => {
      if (!isHidden(conversation)) return true;
      hidden += 1;
      return false;
    };
    let rest = blocks;
    for (;;) {
      const { places, nextDepth, conversations } = this.#findAll(application, rest, limit, (each) =>
        hidden < HIDDEN_MAX ? isVisible(each) : undefined,
      );
      const [deepest] = places;
      if (deepest === undefined) return { blocks: 0, conversations: [] };
      if (conversations.length > 0) return { blocks: deepest.depth, conversations };
      if (hidden >= HIDDEN_MAX) return { blocks: 0, conversations: [] };
      // Only hidden ones share so many: the next ones end, or branch off, before.
      const depth = Math.max(nextDepth, ...places.map((place) => this.#depthBefore(place)));
      if (depth === 0) return { blocks: 0, conversations: [] };
      rest = blocksOf(blocks, 0, depth);
    }
  }

  /** Returns the greatest depth before this one at which another conversation may end or branch off. */
  #depthBefore({ node, depth }: NodePosition): number {
    const { start } = this.#nodes.get(node);
    let before = start;
    for (const end of this.#nodes.endsOf(node, start, depth)) before = Math.max(before, end.depth);
    return before;
  }

  /**
   * Returns the deepest places, some conversations from there on, and the depth that other applications have.
   * `isVisible` returns undefined when no further conversation is to be looked at.
   */
  #findAll(
    application: string | undefined,
    blocks: Uint8Array,
    limit: number,
    isVisible: (conversation: ConversationNumber) => boolean | undefined,
  ): Found {
    let deepest = 0;
    let nextDepth = 0;
    let places: NodePosition[] = [];
    for (const name of application === undefined ? this.#nodes.applicationsAt(blocks) : [application]) {
      const place = this.#follow(BEGIN, name, blocks);
      if (place.depth === 0) continue;
      if (place.depth !== deepest) nextDepth = Math.max(nextDepth, Math.min(place.depth, deepest));
      if (place.depth < deepest) continue;
      if (place.depth > deepest) places = [];
      deepest = place.depth;
      places.push(place);
    }
    const conversations: ConversationNumber[] = [];
    for (const place of places) {
      for (const conversation of this.#conversationsFrom(place)) {
        const visible = isVisible(conversation);
        if (visible === undefined || conversations.length === limit)
          return { places, nextDepth, conversations };
        if (visible) conversations.push(conversation);
      }
    }
    return { places, nextDepth, conversations };
  }

  /** Walks from a position along as many blocks as are in the tree. */
  #follow(from: NodePosition, application: string, blocks: Uint8Array): NodePosition {
    let { node: number, depth } = from;
    let node = number === 0 ? undefined : this.#nodes.get(number);
    const end = from.depth + blockCount(blocks);
    while (depth < end) {
      const rest = blocksOf(blocks, depth - from.depth);
      if (node === undefined || depth === nodeEnd(node)) {
        const child = this.#nodes.child(number, blocksOf(rest, 0, 1), application);
        if (child === undefined) break;
        number = child;
        node = this.#nodes.get(child);
        if (node.start !== depth)
          throw this.#nodes.corrupt(child, `begins at ${node.start}, not at ${depth}`);
      }
      const same = sharedBlocks(blocksOf(node.blocks, depth - node.start), rest);
      depth += same;
      if (same === 0 || depth < nodeEnd(node)) break;
    }
    return { node: number, depth };
  }

  /** Walks from a position along all these blocks; adds those that are not in the tree. */
  #grow(from: NodePosition, application: string, blocks: Uint8Array): NodePosition {
    let { node: number, depth } = this.#follow(from, application, blocks);
    const end = from.depth + blockCount(blocks);
    this.sharedBlocks = depth - from.depth;
    if (depth === end) return { node: number, depth };
    let room = 0;
    if (number !== 0) {
      const node = this.#nodes.get(number);
      if (depth < nodeEnd(node)) number = this.#split(number, node, depth, application);
      else if (!this.#nodes.hasChildren(number)) room = RADIX_NODE_BLOCKS - blockCount(node.blocks);
    }
    if (room > 0) {
      const node = this.#nodes.get(number);
      const added = blocksOf(blocks, depth - from.depth, Math.min(depth + room, end) - from.depth);
      this.#nodes.put(number, { ...node, blocks: Buffer.concat([node.blocks, added]) });
      depth += blockCount(added);
    }
    while (depth < end) {
      const piece = blocksOf(
        blocks,
        depth - from.depth,
        Math.min(depth + RADIX_NODE_BLOCKS, end) - from.depth,
      );
      number = this.#nodes.add({ parent: number, start: depth, blocks: piece }, application);
      depth += blockCount(piece);
    }
    return { node: number, depth };
  }

  /**
   * Makes a node of the blocks of this one up to a depth; returns it. The rest and its children stay in
   * place.
   */
  #split(number: NodeId, node: RadixNode, depth: number, application: string): NodeId {
    const before = blocksOf(node.blocks, 0, depth - node.start);
    const after = blocksOf(node.blocks, depth - node.start);
    this.#nodes.unsetChild(node.parent, before, application);
    const upper = this.#nodes.add({ parent: node.parent, start: node.start, blocks: before }, application);
    this.#nodes.put(number, { parent: upper, start: depth, blocks: after });
    this.#nodes.setChild(upper, after, application, number);
    for (const end of [...this.#nodes.endsOf(number, node.start, depth + 1)]) {
      this.#leave(end.conversation, end);
      this.#settle(end.conversation, { node: upper, depth: end.depth });
    }
    return upper;
  }

  /** Removes blocks that no conversation has any more, from the end of this node back. */
  #prune(from: NodeId): void {
    for (let number = from; number !== 0 && !this.#nodes.hasChildren(number);) {
      const node = this.#nodes.get(number);
      // No end: no conversation has any of its blocks.
      const kept = (this.#nodes.deepestEnd(number) ?? node.start) - node.start;
      if (kept < 0 || kept > blockCount(node.blocks))
        throw this.#nodes.corrupt(number, `has a conversation that ends ${kept} blocks after its begin`);
      if (kept > 0) {
        if (kept < blockCount(node.blocks))
          this.#nodes.put(number, { ...node, blocks: blocksOf(node.blocks, 0, kept) });
        return;
      }
      this.#nodes.remove(number, node);
      number = node.parent;
    }
  }

  *#conversationsFrom(place: NodePosition): Generator<ConversationNumber, void, void> {
    const open = [place];
    for (let next = open.pop(); next; next = open.pop()) {
      for (const { conversation } of this.#nodes.endsOf(next.node, next.depth)) yield conversation;
      for (const node of this.#nodes.childrenOf(next.node)) open.push({ node, depth: 0 });
    }
  }

  #settle(conversation: ConversationNumber, place: NodePosition): void {
    if (place.depth === 0) return;
    this.#places.set(conversation, place);
    this.#nodes.addEnd(conversation, place);
  }

  #leave(conversation: ConversationNumber, place: NodePosition): void {
    if (place.depth > 0) this.#nodes.removeEnd(conversation, place);
  }
}

function sharedBlocks(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return Math.floor(blockCount(one.subarray(0, at)));
}
