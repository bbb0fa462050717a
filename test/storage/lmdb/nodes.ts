import { nodesIn } from '../../../src/storage/lmdb/radix/node-group.js';
import { NodeGroups } from '../../../src/storage/lmdb/radix/node-groups.js';
import {
  applicationOfEdge,
  edgeKey,
  endKey,
  firstBlockOfEdge,
  nodeEnd,
  type RadixNode,
  ROOT,
} from '../../../src/storage/lmdb/radix/nodes.js';
import type { Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { ByteWriter } from '../../../src/storage/shared/bytes.js';
import { KeyIndexWriter } from '../../../src/storage/lmdb/tables/key-index.js';
import { nodeId } from './ids.js';
import type { Table } from '../../../src/storage/lmdb/tables/table.js';

/** Changes a node of the prefix index, and nothing beside it. */
export function changeNode(
  table: Table<number>,
  number: number,
  to: (node: RadixNode) => RadixNode | undefined,
): void {
  const groups = new NodeGroups(table);
  groups.set(nodeId(number), to(groups.get(nodeId(number))!));
  groups.flush();
}

/** Stores nodes one by one, all ends in their table, and applications as text, as formats 2 and 3 did. */
export function asBeforeGroups({ radixNodes, radixEnds, radixEdges, strings }: Tables): void {
  const nameOf = (code: number) => Buffer.from(strings.get(code)!).toString('utf8');
  const roots = [...new KeyIndexWriter(radixEdges).from(Buffer.alloc(0))].filter(({ key }) => key[0] === 0);
  const edges = new KeyIndexWriter(radixEdges);
  for (const { key, number } of roots) {
    edges.remove(key);
    edges.insert(edgeKey(ROOT, firstBlockOfEdge(key), applicationOfEdge(key, nameOf), undefined), number);
  }
  edges.flush();
  const ends = new KeyIndexWriter(radixEnds);
  for (const { key, value } of [...radixNodes.range()]) {
    radixNodes.remove(key);
    for (const { number, node } of nodesIn(key, value)) {
      radixNodes.put(number, encodeRadixNode(node));
      if (node.ending !== undefined)
        ends.insert(endKey({ node: number, depth: nodeEnd(node), conversation: node.ending }), 0);
    }
  }
  ends.flush();
}

/** Encodes a node that is stored alone. */
function encodeRadixNode({ parent, start, blocks }: RadixNode): Uint8Array {
  const writer = new ByteWriter().varint(parent);
  if (parent !== 0) writer.varint(start);
  return writer.raw(blocks).finish();
}
