import { StowkenError } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { KeyEntry } from '../tables/key-chunk.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import type { ConversationNumber } from '../tables/ids.js';
import type { NodePosition } from './conversation-nodes.js';
import {
  applicationOfEdge,
  blocksOf,
  edgeKey,
  decodeRadixNode,
  encodeRadixNode,
  endKey,
  endOfKey,
  type RadixEnd,
  type RadixNode,
  nodeKey,
} from './nodes.js';

/** Nodes of the prefix index by their numbers, with their edges and the conversations that end in each. */
export class RadixNodes {
  readonly #nodes: Tables['radixNodes'];
  readonly #children: KeyIndexWriter;
  readonly #ends: KeyIndexWriter;
  #next: number | undefined;

  constructor(tables: Pick<Tables, 'radixNodes' | 'radixEdges' | 'radixEnds'>) {
    this.#nodes = tables.radixNodes;
    this.#children = new KeyIndexWriter(tables.radixEdges);
    this.#ends = new KeyIndexWriter(tables.radixEnds);
  }

  /** @throws StowkenError CORRUPT_STORE */
  get(number: number): RadixNode {
    const record = this.#nodes.get(number);
    if (!record) throw new StowkenError('CORRUPT_STORE', `node ${number} of the prefix index is missing`);
    return decodeRadixNode(record);
  }

  /** Error for a node that contradicts others. */
  corrupt(number: number, what: string): StowkenError {
    return this.#nodes.corrupt(number, what);
  }

  put(number: number, node: RadixNode): void {
    this.#nodes.put(number, encodeRadixNode(node));
  }

  /** Stores a node after its parent. */
  add(node: RadixNode, application: string): number {
    const number = (this.#next ??= (this.#nodes.last()?.key ?? 0) + 1);
    this.#next += 1;
    this.#nodes.append(number, encodeRadixNode(node));
    this.setChild(node.parent, node.blocks, application, number);
    return number;
  }

  /** Returns the child of a node, for an application, that begins with this block. */
  child(parent: number, firstBlock: Uint8Array, application: string): number | undefined {
    return this.#children.find(edgeKey(parent, firstBlock, application));
  }

  /** Sets the edge from a parent to the node with these blocks. */
  setChild(parent: number, blocks: Uint8Array, application: string, number: number): void {
    this.#children.insert(edgeKey(parent, blocksOf(blocks, 0, 1), application), number);
  }

  unsetChild(parent: number, blocks: Uint8Array, application: string): void {
    this.#children.remove(edgeKey(parent, blocksOf(blocks, 0, 1), application));
  }

  /** Removes a node without children. */
  remove(number: number, { parent, blocks }: RadixNode): void {
    this.#removeChild(number, parent, blocks);
    this.#nodes.remove(number);
  }

  /** The key of a first node also has the application, which a damaged conversation may have lost. */
  #removeChild(number: number, parent: number, blocks: Uint8Array): void {
    const beginning = edgeKey(parent, blocksOf(blocks, 0, 1), '');
    for (const { key, number: child } of this.#children.from(beginning)) {
      if (!beginsWith(key, beginning)) break;
      if (child === number) return this.#children.remove(key);
    }
    throw this.#nodes.miscounted(number, 'has no edge that leads to it');
  }

  /** Yields the applications of which a conversation begins with the first of these blocks. */
  *applicationsAt(blocks: Uint8Array): Generator<string, void, void> {
    if (blocks.length === 0) return;
    const first = edgeKey(0, blocksOf(blocks, 0, 1), '');
    for (const { key } of this.#children.from(first)) {
      if (!beginsWith(key, first)) return;
      yield applicationOfEdge(key);
    }
  }

  *childrenOf(node: number): Generator<KeyEntry, void, void> {
    const beginning = nodeKey(node);
    for (const child of this.#children.from(beginning)) {
      if (!beginsWith(child.key, beginning)) return;
      yield child;
    }
  }

  hasChildren(node: number): boolean {
    return this.childrenOf(node).next().done !== true;
  }

  /** Yields the conversations that end in a node, from one depth on and before another. */
  *endsOf(node: number, from: number, before = Infinity): Generator<RadixEnd, void, void> {
    for (const { key } of this.#ends.from(endKey({ node: node, depth: from, conversation: 0 }))) {
      const end = endOfKey(key);
      if (end.node !== node || end.depth >= before) return;
      yield end;
    }
  }

  deepestEnd(node: number): number | undefined {
    const last = this.#ends.before(nodeKey(node + 1));
    const end = last && endOfKey(last.key);
    return end?.node === node ? end.depth : undefined;
  }

  addEnd(conversation: ConversationNumber, place: NodePosition): void {
    this.#ends.insert(endKey({ ...place, conversation }), 0);
  }

  removeEnd(conversation: ConversationNumber, place: NodePosition): void {
    this.#ends.remove(endKey({ ...place, conversation }));
  }

  /** Writes buffered changes. */
  flush(): void {
    this.#children.flush();
    this.#ends.flush();
  }
}

function beginsWith(key: Buffer, beginning: Buffer): boolean {
  return key.subarray(0, beginning.length).equals(beginning);
}
