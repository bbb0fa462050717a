import { wholeBlocks } from '../../contract/queries.js';
import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { placesIn } from '../radix/conversation-nodes.js';
import {
  applicationOfEdge,
  blocksOf,
  edgeKey,
  decodeRadixNode,
  endKey,
  type RadixEnd,
  type RadixNode,
  nodeEnd,
  nodeKey,
} from '../radix/nodes.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import type { ConversationNumber } from '../tables/ids.js';
import { checkedEntries } from './check-key-index.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'prefix-index';

/**
 * Checks the prefix index: its nodes, its edges, and the nodes in which conversations end. Frames are not
 * read.
 */
export function* checkRadix(tables: Tables, nameOf: StringOf, report: Report): Generator<number, void, void> {
  const applications = new RunApplications(tables);
  const children = new KeyIndex(tables.radixEdges);
  const ends = new KeyIndex(tables.radixEnds);
  let nodes = 0;
  for (const { key, value } of intact(tables.radixNodes, report, INVARIANT, (node) => `node ${node}`)) {
    const subject = `node ${key}`;
    nodes += 1;
    guarded(report, INVARIANT, subject, () => {
      const node = decodeRadixNode(value);
      const before = node.parent === 0 ? 0 : endOfRun(tables, node.parent);
      if (node.start !== before) report(INVARIANT, subject, 'does not begin where the node before it ends');
      const atEnd = endKey({ node: key, depth: nodeEnd(node), conversation: 0 });
      if (!leadsOn(ends, atEnd, nodeKey(key)) && !leadsOn(children, nodeKey(key), nodeKey(key))) {
        report(INVARIANT, subject, 'has blocks that no conversation has');
      }
    });
    yield 0;
  }
  let ways = 0;
  for (const { key, number } of checkedEntries(tables.radixEdges, INVARIANT, 'ways to nodes', report)) {
    ways += 1;
    guarded(report, INVARIANT, 'a way to a node', () => {
      const node = readRun(tables, number);
      const application = node?.parent === 0 ? applicationOfEdge(key) : '';
      if (!node || !key.equals(edgeKey(node.parent, blocksOf(node.blocks, 0, 1), application))) {
        report(INVARIANT, `node ${number}`, 'is not what leads to it');
      } else if (node.parent === 0) applications.set(number, application);
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
      for (const [number, place] of placesIn(key, value)) {
        const conversation = number as ConversationNumber;
        places += 1;
        checkPlace(tables, nameOf, report, { conversation, ...place }, applications);
        if (ends.find(endKey({ conversation, ...place })) === undefined) {
          report(INVARIANT, `conversation number ${conversation}`, `does not end in node ${place.node}`);
        }
      }
    });
    yield 0;
  }
  let endsFound = 0;
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
  nameOf: StringOf,
  report: Report,
  { conversation: number, node: runNumber, depth }: RadixEnd,
  applications: RunApplications,
): void {
  const subject = `conversation number ${number}`;
  guarded(report, INVARIANT, subject, () => {
    const record = tables.conversations.get(number);
    const conversation = record && readHeader(record, nameOf).conversation;
    const node = readRun(tables, runNumber);
    if (!conversation || !node || depth <= node.start || depth > nodeEnd(node)) {
      report(INVARIANT, subject, `has no place in node ${runNumber}`);
    } else if (depth > wholeBlocks(conversation.totalTokens)) {
      report(INVARIANT, subject, 'has fewer blocks than it is found by');
    } else if (applications.of(runNumber) !== conversation.application) {
      report(INVARIANT, subject, 'is found by another application');
    }
  });
}

function readRun(tables: Pick<Tables, 'radixNodes'>, number: number): RadixNode | undefined {
  const record = tables.radixNodes.get(number);
  return record && decodeRadixNode(record);
}

/** Application of each node: that of the first node on the path to it. */
class RunApplications {
  readonly #known = new Map<number, string>();

  constructor(private readonly tables: Pick<Tables, 'radixNodes'>) {}

  set(firstRun: number, application: string): void {
    this.#known.set(firstRun, application);
  }

  /** Undefined if the path is broken. @throws StowkenError CORRUPT_STORE */
  of(number: number): string | undefined {
    const passed: number[] = [];
    let start = Infinity;
    for (let at = number; ;) {
      const application = this.#known.get(at);
      if (application !== undefined) {
        for (const node of passed) this.#known.set(node, application);
        return application;
      }
      const node = readRun(this.tables, at);
      // Undefined if the path is broken. @throws StowkenError CORRUPT_STORE
      if (!node || node.start >= start || node.parent === 0) return undefined;
      passed.push(at);
      start = node.start;
      at = node.parent;
    }
  }
}

function endOfRun(tables: Tables, number: number): number | undefined {
  const node = readRun(tables, number);
  return node && nodeEnd(node);
}

/** True if the first entry from a key on begins with these bytes. */
function leadsOn(index: KeyIndex, from: Buffer, beginning: Buffer): boolean {
  // The loop closes its iterator at the end: a range that is left open would keep its snapshot alive.
  for (const { key } of index.from(from)) return key.subarray(0, beginning.length).equals(beginning);
  return false;
}
