import type { BackgroundTurns } from '../../shared/background.js';
import { FIRST_GROUP_KEY } from '../radix/node-group.js';
import { RadixNodes } from '../radix/node-table.js';
import {
  applicationOfEdge,
  edgeKey,
  firstBlockOfEdge,
  hasTextApplication,
  type RadixNames,
  ROOT,
} from '../radix/nodes.js';
import { type KeyEntry } from '../tables/key-chunk.js';
import { KeyIndex, KeyIndexWriter } from '../tables/key-index.js';
import type { Tables } from '../tables/environment.js';
import type { NodeId } from '../tables/ids.js';

/** Nodes that one write transaction gathers. */
const SLICE = 256;
/** Part of the pages of nodes that are stored alone which gathering them frees, about. */
const SAVED = 0.4;

type NodeTables = Pick<Tables, 'radixNodes' | 'radixEdges' | 'radixEnds'>;

/** Estimates the pages that gatherNodes() would free. */
export function gatherablePages({ radixNodes }: NodeTables): number {
  const first = radixNodes.firstKey();
  return first === undefined || first >= FIRST_GROUP_KEY ? 0 : Math.floor(SAVED * radixNodes.pages());
}

/** Puts the nodes of the prefix index that an earlier format stored alone into groups. */
export async function gatherNodes(
  tables: NodeTables,
  names: RadixNames,
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  while ((tables.radixNodes.firstKey() ?? FIRST_GROUP_KEY) < FIRST_GROUP_KEY) {
    await write(() => {
      const nodes = new RadixNodes(tables, names);
      nodes.gather([...tables.radixNodes.keys({ end: FIRST_GROUP_KEY, limit: SLICE })] as NodeId[]);
      nodes.flush();
    });
    await turns.pause();
  }
}

/** Replaces applications by their codes in the keys of edges, which are theirs for most conversations. */
export async function codeApplications(
  { radixEdges }: NodeTables,
  names: RadixNames,
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  for (let after: Buffer | undefined = Buffer.alloc(0); after !== undefined;) {
    const from: Buffer = after;
    after = undefined;
    const coded: KeyEntry[] = [];
    let looked = 0;
    for (const { key, number } of new KeyIndex(radixEdges).from(from)) {
      if (key[0] !== 0) break;
      after = Buffer.concat([key, Buffer.alloc(1)]);
      if (hasTextApplication(key) && codeOfEdge(key, names) !== undefined) coded.push({ key, number });
      looked += 1;
      if (looked === SLICE) break;
    }
    if (coded.length > 0) await write(() => replaceEdges(radixEdges, coded, names));
    await turns.pause();
  }
}

function codeOfEdge(key: Buffer, names: RadixNames) {
  return names.codeOf(applicationOfEdge(key, (code) => names.stringOf(code)));
}

/** Others may have removed them since they were read. */
function replaceEdges(table: NodeTables['radixEdges'], edges: readonly KeyEntry[], names: RadixNames): void {
  const index = new KeyIndexWriter(table);
  for (const { key, number } of edges) {
    if (index.find(key) !== number) continue;
    const code = codeOfEdge(key, names);
    index.remove(key);
    index.insert(edgeKey(ROOT, firstBlockOfEdge(key), '', code), number);
  }
  index.flush();
}
