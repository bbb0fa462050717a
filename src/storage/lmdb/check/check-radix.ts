import { wholeBlocks } from '../../contract/queries.js';
import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { placesIn } from '../radix/conversation-nodes.js';
import { nodesIn } from '../radix/node-group.js';
import { NodeGroups } from '../radix/node-groups.js';
import {
  applicationOfEdge,
  blocksOf,
  edgeBeginning,
  endKey,
  type RadixEnd,
  type RadixNode,
  nodeEnd,
  nodeKey,
} from '../radix/nodes.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import type { NodeId } from '../tables/ids.js';
import { checkedEntries } from './check-key-index.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'prefix-index';

/**
 * Checks the prefix index: its nodes, its edges, and the nodes in which conversations end. Frames are not
 * read.
 */
export function* checkRadix(tables: Tables, nameOf: StringOf, report: Report): Generator<number, void, void> {
  const children = new KeyIndex(tables.radixEdges);
  const ends = new KeyIndex(tables.radixEnds);
  const groups = new NodeGroups(tables.radixNodes);
  const applications = new NodeApplications(groups);
  const checkNode = (number: NodeId, node: RadixNode): void => {
    const subject = `node ${number}`;
    const before = node.parent === 0 ? 0 : endOfNode(groups, node.parent);
    if (node.start !== before) report(INVARIANT, subject, 'does not begin where the node before it ends');
    const atEnd = endKey({ node: number, depth: nodeEnd(node), conversation: 0 });
    const isEnd = node.ending !== undefined || leadsOn(ends, atEnd, nodeKey(number));
    if (!isEnd && !leadsOn(children, nodeKey(number), nodeKey(number)))
      report(INVARIANT, subject, 'has blocks that no conversation has');
  };
  let nodes = 0;
  let endsFound = 0;
  for (const { key, value } of intact(tables.radixNodes, report, INVARIANT, (record) => `nodes ${record}`)) {
    guarded(report, INVARIANT, `nodes ${key}`, () => {
      for (const { number, node } of nodesIn(key, value)) {
        nodes += 1;
        if (node.ending !== undefined) endsFound += 1;
        guarded(report, INVARIANT, `node ${number}`, () => checkNode(number, node));
      }
    });
    yield 0;
  }
  let ways = 0;
  for (const { key, number: value } of checkedEntries(
    tables.radixEdges,
    INVARIANT,
    'ways to nodes',
    report,
  )) {
    ways += 1;
    const number = value as NodeId;
    guarded(report, INVARIANT, 'a way to a node', () => {
      const node = groups.get(number);
      const beginning = node && edgeBeginning(node.parent, blocksOf(node.blocks, 0, 1));
      const isRight = beginning && key.subarray(0, beginning.length).equals(beginning);
      if (!isRight || (node.parent !== 0 && key.length > beginning.length))
        report(INVARIANT, `node ${number}`, 'is not what leads to it');
      else if (node.parent === 0) applications.set(number, applicationOfEdge(key, nameOf));
    });
    yield 0;
  }
  if (ways !== nodes) report(INVARIANT, 'nodes', `there are ${nodes}, and ways to ${ways}`);
  let places = 0;
  for (const { key, value } of intact(
    tables.conversationNodes,
    report,
    INVARIANT,
    () => 'a record of places',
  )) {
    guarded(report, INVARIANT, 'a record of places', () => {
      for (const [conversation, place] of placesIn(key, value)) {
        places += 1;
        checkPlace(tables, groups, nameOf, report, { conversation, ...place }, applications);
        if (!endsIn(groups, ends, { conversation, ...place })) {
          report(INVARIANT, `conversation number ${conversation}`, `does not end in node ${place.node}`);
        }
      }
    });
    yield 0;
  }
  for (
    const found = checkedEntries(tables.radixEnds, INVARIANT, 'ends of conversations', report);
    !found.next().done;
  ) {
    endsFound += 1;
    yield 0;
  }
  if (endsFound !== places) {
    report(INVARIANT, 'conversations', `${places} have a place, and ${endsFound} end in nodes`);
  }
}

/** Checks the stored position of a conversation, as far as the nodes allow. */
function checkPlace(
  tables: Tables,
  groups: NodeGroups,
  nameOf: StringOf,
  report: Report,
  { conversation: number, node: nodeId, depth }: RadixEnd,
  applications: NodeApplications,
): void {
  const subject = `conversation number ${number}`;
  guarded(report, INVARIANT, subject, () => {
    const record = tables.conversations.get(number);
    const conversation = record && readHeader(record, nameOf).conversation;
    const node = groups.get(nodeId);
    if (!conversation || !node || depth <= node.start || depth > nodeEnd(node)) {
      report(INVARIANT, subject, `has no place in node ${nodeId}`);
    } else if (depth > wholeBlocks(conversation.totalTokens)) {
      report(INVARIANT, subject, 'has fewer blocks than it is found by');
    } else if (applications.of(nodeId) !== conversation.application) {
      report(INVARIANT, subject, 'is found by another application');
    }
  });
}

/** True if a conversation ends at its place, by the node itself or the table of ends. */
function endsIn(groups: NodeGroups, ends: KeyIndex, end: RadixEnd): boolean {
  const node = groups.get(end.node);
  if (node?.ending === end.conversation && nodeEnd(node) === end.depth) return true;
  return ends.find(endKey(end)) !== undefined;
}

/** Application of each node: that of the first node on the path to it. */
class NodeApplications {
  readonly #known = new Map<NodeId, string>();

  constructor(private readonly groups: NodeGroups) {}

  set(firstNode: NodeId, application: string): void {
    this.#known.set(firstNode, application);
  }

  /** Undefined if the path is broken. @throws StowkenError CORRUPT_STORE */
  of(number: NodeId): string | undefined {
    const passed: NodeId[] = [];
    let start = Infinity;
    for (let at = number; ;) {
      const application = this.#known.get(at);
      if (application !== undefined) {
        for (const node of passed) this.#known.set(node, application);
        return application;
      }
      const node = this.groups.get(at);
      if (!node || node.start >= start || node.parent === 0) return undefined;
      passed.push(at);
      start = node.start;
      at = node.parent;
    }
  }
}

function endOfNode(groups: NodeGroups, number: NodeId): number | undefined {
  const node = groups.get(number);
  return node && nodeEnd(node);
}

/** True if the first entry from a key on begins with these bytes. */
function leadsOn(index: KeyIndex, from: Buffer, beginning: Buffer): boolean {
  // The loop closes its iterator at the end: a range that is left open would keep its snapshot alive.
  for (const { key } of index.from(from)) return key.subarray(0, beginning.length).equals(beginning);
  return false;
}
