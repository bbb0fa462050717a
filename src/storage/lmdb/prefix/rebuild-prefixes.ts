import { wholeBlocks } from '../../prefix-blocks.js';
import { readHeader } from '../conversations/conversations.js';
import type { Tables } from '../tables/environment.js';
import type { NameOf } from '../conversations/manifest.js';
import { PrefixIndex } from './prefix-index.js';
import { placesIn } from './prefix-places.js';
import { blockCount, blocksOf, decodePrefixRun, runEnd, type PrefixRun } from './prefix-run.js';
import { readable } from '../tables/readable.js';

interface Entry {
  readonly conversation: number;
  readonly application: string;
  readonly run: number;
  readonly depth: number;
}

/**
 * Makes the prefix index anew from its runs and from where conversations end in them. A conversation whose runs
 * are damaged is left out: it is stored as before, and not found by its prefix. Keeps the runs in memory.
 */
export function rebuildPrefixes(tables: Tables, nameOf: NameOf): void {
  const runs = new Map<number, PrefixRun>();
  for (const { key, value } of tables.prefixRuns.scan()) {
    const run = value && readable(() => decodePrefixRun(value));
    if (run) runs.set(key, run);
  }
  const entries: Entry[] = [];
  for (const { key, value } of tables.prefixPlaces.scan()) {
    for (const [number, place] of (value && readable(() => placesIn(key, value))) ?? []) {
      const conversation = readable(() => {
        const record = tables.conversations.get(number);
        return record && readHeader(record, nameOf).conversation;
      });
      if (!conversation || place.depth > wholeBlocks(conversation.totalTokens)) continue;
      entries.push({ conversation: number, application: conversation.application, ...place });
    }
  }
  tables.prefixRuns.clear();
  tables.prefixPlaces.clear();
  tables.prefixChildren.clear();
  tables.prefixEnds.clear();
  const index = new PrefixIndex(tables);
  for (const { conversation, application, run, depth } of entries) {
    const blocks = blocksBefore(runs, run, depth);
    if (blocks) index.insert(conversation, application, blocks);
  }
  index.flush();
}

/** The blocks up to a place; undefined where they are not all there. */
function blocksBefore(runs: ReadonlyMap<number, PrefixRun>, number: number, depth: number) {
  const pieces: Uint8Array[] = [];
  let end = depth;
  for (let at = number; at !== 0;) {
    const run = runs.get(at);
    if (!run || run.start >= end || end > runEnd(run)) return undefined;
    pieces.unshift(blocksOf(run.blocks, 0, end - run.start));
    end = run.start;
    at = run.parent;
  }
  const blocks = Buffer.concat(pieces);
  return end === 0 && blockCount(blocks) > 0 ? blocks : undefined;
}
