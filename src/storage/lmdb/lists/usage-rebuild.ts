import { contentSegments, countOf } from '../../../model/index.js';
import type { Violation } from '../../contract/checks.js';
import type { UsageFigures } from '../../contract/usage.js';
import { noUsage, type UsageEvent, usageFigureOfRole } from '../../shared/usage.js';
import { decodeManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { messagesOf, readBlock, type StoredList } from '../conversations/stored-list.js';
import { SegmentReader } from '../packs/segment-reader.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { State } from '../tables/meta.js';
import { countedBy, decodeGroup, decodeUsage, UsageCounters, UsageGroups } from './usage.js';
import { balanced, emptyLedger, readLedger, writeLedger } from './usage-ledger.js';

/** Returns what a repair should count, although nothing is wrong: content from before usage was counted. */
export function uncountedUsage(meta: Tables['meta']): Violation[] {
  const conversations = undefinedIfCorrupt(() => readLedger(meta))?.uncounted.conversations ?? 0;
  if (conversations === 0) return [];
  const detail = `${countOf(conversations, 'conversation')} ${conversations === 1 ? 'was' : 'were'} stored before usage was counted`;
  return [{ invariant: 'usage', subject: 'ledger', detail }];
}

/**
 * Counts again, from conversations that are stored, as of their creation: those that were stored before usage
 * was counted, and those of lost counters. What was deleted since is known nowhere else. Then the ledger
 * takes up the difference that remains.
 */
export function rebuildUsage(tables: Tables, nameOf: StringOf, state: State): void {
  const { meta } = tables;
  const ledger = undefinedIfCorrupt(() => readLedger(meta)) ?? emptyLedger;
  const lost = removeLost(tables);
  const { uncountedTo } = ledger;
  const counters = new UsageCounters(tables, new UsageGroups(), state.commitSequence);
  if (uncountedTo > 0 || lost.size > 0) {
    for (const { number, event } of countedAgain(tables, nameOf)) {
      const isLost = () => lost.has(counters.keyOf(event).toString('hex'));
      if (number <= uncountedTo || isLost()) counters.add(event);
    }
  }
  writeLedger(meta, { ...ledger, uncountedTo: 0, uncounted: emptyLedger.uncounted });
  counters.flush();
  const { conversations, messages, tokens } = state;
  const stored = { conversations, messages, tokens };
  writeLedger(meta, balanced(readLedger(meta)!, countedBy(tables), stored));
}

/** Removes counters that cannot be read, or whose group is lost. Returns the keys of the others of these. */
function removeLost({ usage, usageGroups }: Tables): Set<string> {
  const lost = new Set<string>();
  for (const number of [...usageGroups.keys()]) {
    const group = undefinedIfCorrupt(() => {
      const record = usageGroups.get(number);
      return record && decodeGroup(record);
    });
    // Numbers follow each other: the place of a lost group is kept.
    if (!group) usageGroups.put(number, Buffer.from(JSON.stringify(['', '', '', { '': String(number) }])));
  }
  const last = usageGroups.lastKey() ?? 0;
  for (const key of [...usage.keys()]) {
    const figures = undefinedIfCorrupt(() => {
      const record = usage.get(key);
      return record && decodeUsage(record);
    });
    if (figures && key.length === 8 && key.readUInt32BE(4) <= last) continue;
    usage.remove(key);
    lost.add(key.toString('hex'));
  }
  return lost;
}

interface Recounted {
  readonly number: number;
  readonly event: UsageEvent;
}

/** Yields each conversation with what its store would count now, if the younger ones had come after it. */
function* countedAgain(tables: Tables, nameOf: StringOf): Generator<Recounted, void, void> {
  const seen = new Set<number>();
  const reader = new SegmentReader(tables);
  for (const number of [...tables.conversations.keys()]) {
    const recounted = undefinedIfCorrupt((): Recounted | undefined => {
      const record = tables.conversations.get(number);
      if (!record) return undefined;
      const { conversation, list } = decodeManifest(record, nameOf);
      const figures = figuresOf(tables, nameOf, list, seen, reader);
      return { number, event: { timeMs: conversation.createTimeMs, conversation, figures } };
    });
    if (recounted) yield recounted;
  }
}

function figuresOf(
  { messageBlocks }: Tables,
  nameOf: StringOf,
  list: StoredList,
  seen: Set<number>,
  reader: SegmentReader,
): UsageFigures {
  const figures = { ...noUsage, conversations: 1 };
  for (const message of messagesOf(list, (id) => readBlock(messageBlocks, id), nameOf)) {
    figures.messages += 1;
    for (const { id, tokenCount } of contentSegments(message)) {
      figures[usageFigureOfRole(message.role)] += tokenCount;
      if (seen.has(id)) continue;
      seen.add(id);
      figures.newTokens += tokenCount;
      figures.storedBytes += undefinedIfCorrupt(() => reader.size(id))?.frameBytes ?? 0;
    }
  }
  return figures;
}
