import type { BackgroundTurns } from '../../shared/background.js';
import { FIRST_GROUP_KEY } from '../radix/node-group.js';
import { RadixNodes } from '../radix/node-table.js';
import type { Tables } from '../tables/environment.js';

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
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  while ((tables.radixNodes.firstKey() ?? FIRST_GROUP_KEY) < FIRST_GROUP_KEY) {
    await write(() => {
      const nodes = new RadixNodes(tables);
      nodes.gather([...tables.radixNodes.keys({ end: FIRST_GROUP_KEY, limit: SLICE })]);
      nodes.flush();
    });
    await turns.pause();
  }
}
