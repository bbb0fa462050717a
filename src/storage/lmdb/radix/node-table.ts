import { StowkenError } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { KeyEntry } from '../tables/key-chunk.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import type { ConversationNumber, NodeId } from '../tables/ids.js';
import type { NodePosition } from './places.js';
import { NodeGroups } from './node-groups.js';
import {
  applicationOfEdge,
  blocksOf,
  edgeBeginning,
  edgeKey,
  endKey,
  endOfKey,
  type RadixEnd,
  type RadixNames,
  type RadixNode,
  nodeEnd,
  nodeKey,
  ROOT,
} from './nodes.js';

/** Nodes of the prefix index by their numbers, with their edges and the conversations that end in each. */
export class RadixNodes {
  readonly #nodes: NodeGroups;
  readonly #children: KeyIndexWriter;
  readonly #ends: KeyIndexWriter;

  constructor(
    tables: Pick<Tables, 'radixNodes' | 'radixEdges' | 'radixEnds'>,
    private readonly names: RadixNames,
  ) {
    this.#nodes = new NodeGroups(tables.radixNodes);
    this.#children = new KeyIndexWriter(tables.radixEdges);
    this.#ends = new KeyIndexWriter(tables.radixEnds);
  }

  /** @throws StowkenError CORRUPT_STORE */
  get(number: NodeId): RadixNode {
    const node = this.#nodes.get(number);
    if (!node) throw new StowkenError('CORRUPT_STORE', `node ${number} of the prefix index is missing`);
    return node;
  }

  /** Error for a node that contradicts others. */
  corrupt(number: NodeId, what: string): StowkenError {
    return this.#nodes.table.corrupt(number, what);
  }

  /** Stores a node that is there with other blocks; what ended where it ended goes on to do so. */
  put(number: NodeId, { parent, start, blocks }: RadixNode): void {
    const before = this.get(number);
    const node = { parent, start, blocks };
    const isSameEnd = nodeEnd(before) === nodeEnd(node);
    if (!isSameEnd && before.ending !== undefined)
      this.#ends.insert(endKey({ node: number, depth: nodeEnd(before), conversation: before.ending }), 0);
    this.#nodes.set(number, isSameEnd ? { ...node, ending: before.ending } : node);
  }

  /** Stores a node after its parent. */
  add(node: RadixNode, application: string): NodeId {
    const number = this.#nodes.next();
    this.#nodes.set(number, node);
    this.setChild(node.parent, node.blocks, application, number);
    return number;
  }

  /** Returns the child of a node, for an application, that begins with this block. */
  child(parent: NodeId, firstBlock: Uint8Array, application: string): NodeId | undefined {
    if (parent !== 0) return this.#children.find(edgeBeginning(parent, firstBlock)) as NodeId | undefined;
    return this.#rootEdge(firstBlock, application)?.number as NodeId | undefined;
  }

  /** Sets the edge from a parent to the node with these blocks. */
  setChild(parent: NodeId, blocks: Uint8Array, application: string, number: NodeId): void {
    const code = parent === 0 ? this.names.codeOf(application) : undefined;
    this.#children.insert(edgeKey(parent, blocksOf(blocks, 0, 1), application, code), number);
  }

  unsetChild(parent: NodeId, blocks: Uint8Array, application: string): void {
    const first = blocksOf(blocks, 0, 1);
    const edge = parent === 0 ? this.#rootEdge(first, application)?.key : undefined;
    this.#children.remove(edge ?? edgeKey(parent, first, application, undefined));
  }

  /** Removes a node without children. */
  remove(number: NodeId, { parent, blocks }: RadixNode): void {
    this.#removeChild(number, parent, blocks);
    this.#nodes.set(number, undefined);
  }

  /** The key of a first node also has the application, which a damaged conversation may have lost. */
  #removeChild(number: NodeId, parent: NodeId, blocks: Uint8Array): void {
    for (const { key, number: child } of this.#edges(parent, blocksOf(blocks, 0, 1)))
      if (child === number) return this.#children.remove(key);
    throw this.#nodes.table.miscounted(number, 'has no edge that leads to it');
  }

  /** Yields the applications of which a conversation begins with the first of these blocks. */
  *applicationsAt(blocks: Uint8Array): Generator<string, void, void> {
    if (blocks.length === 0) return;
    for (const { key } of this.#edges(ROOT, blocksOf(blocks, 0, 1))) yield this.#applicationOf(key);
  }

  /** Returns the edge of an application, whose key has its name or its code. */
  #rootEdge(firstBlock: Uint8Array, application: string): KeyEntry | undefined {
    for (const edge of this.#edges(ROOT, firstBlock))
      if (this.#applicationOf(edge.key) === application) return edge;
    return undefined;
  }

  #applicationOf(key: Buffer): string {
    return applicationOfEdge(key, (code) => this.names.stringOf(code));
  }

  *#edges(parent: NodeId, firstBlock: Uint8Array): Generator<KeyEntry, void, void> {
    const beginning = edgeBeginning(parent, firstBlock);
    for (const edge of this.#children.from(beginning)) {
      if (!beginsWith(edge.key, beginning)) return;
      yield edge;
    }
  }

  *childrenOf(node: NodeId): Generator<NodeId, void, void> {
    const beginning = nodeKey(node);
    for (const child of this.#children.from(beginning)) {
      if (!beginsWith(child.key, beginning)) return;
      yield child.number as NodeId;
    }
  }

  hasChildren(node: NodeId): boolean {
    return this.childrenOf(node).next().done !== true;
  }

  /** Yields conversations that end in a node, from one depth on and before another, by depth and number. */
  *endsOf(node: NodeId, from: number, before = Infinity): Generator<RadixEnd, void, void> {
    let own = this.#endingOf(node);
    if (own && (own.depth < from || own.depth >= before)) own = undefined;
    for (const { key } of this.#ends.from(endKey({ node, depth: from, conversation: 0 }))) {
      const end = endOfKey(key);
      if (end.node !== node || end.depth >= before) break;
      if (own && own.depth === end.depth && own.conversation < end.conversation) {
        yield own;
        own = undefined;
      }
      yield end;
    }
    if (own) yield own;
  }

  deepestEnd(node: NodeId): number | undefined {
    const own = this.#endingOf(node);
    if (own) return own.depth;
    const last = this.#ends.before(nodeKey((node + 1) as NodeId));
    const end = last && endOfKey(last.key);
    return end?.node === node ? end.depth : undefined;
  }

  /** The first one that ends where a node ends is in the node, all others in the table of ends. */
  addEnd(conversation: ConversationNumber, place: NodePosition): void {
    const node = this.get(place.node);
    if (node.ending === undefined && nodeEnd(node) === place.depth)
      this.#nodes.set(place.node, { ...node, ending: conversation });
    else this.#ends.insert(endKey({ ...place, conversation }), 0);
  }

  removeEnd(conversation: ConversationNumber, place: NodePosition): void {
    const { ending, ...node } = this.get(place.node);
    if (ending === conversation && nodeEnd(node) === place.depth) this.#nodes.set(place.node, node);
    else this.#ends.remove(endKey({ ...place, conversation }));
  }

  /** Puts nodes that are stored alone into their groups, each with a conversation that ends with it. */
  gather(numbers: readonly NodeId[]): void {
    for (const number of numbers) {
      const { ending, ...node } = this.get(number);
      const end = ending === undefined ? this.#firstEndAt(number, nodeEnd(node)) : undefined;
      if (end) this.#ends.remove(endKey(end));
      this.#nodes.set(number, { ...node, ending: ending ?? end?.conversation });
    }
  }

  #firstEndAt(number: NodeId, depth: number): RadixEnd | undefined {
    for (const end of this.endsOf(number, depth)) return end;
    return undefined;
  }

  #endingOf(number: NodeId): RadixEnd | undefined {
    const node = this.get(number);
    return node.ending === undefined
      ? undefined
      : { node: number, depth: nodeEnd(node), conversation: node.ending };
  }

  /** Writes buffered changes. */
  flush(): void {
    this.#nodes.flush();
    this.#children.flush();
    this.#ends.flush();
  }
}

function beginsWith(key: Buffer, beginning: Buffer): boolean {
  return key.subarray(0, beginning.length).equals(beginning);
}
