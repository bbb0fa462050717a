import type { WarmFinding, WarmQuery } from '../../contract/warm.js';
import { BackgroundTurns } from '../../shared/background.js';
import { WarmTree } from '../../shared/warm-tree.js';
import { readHeader } from '../conversations/conversations.js';
import { hasCreateTimes } from '../conversations/listing.js';
import { corruptConversation, type StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import type { Pin } from '../tables/table.js';
import { nodesIn } from './node-group.js';
import { edgeOfKey, endOfKey, nodeEnd, type RadixEnd } from './nodes.js';

type WarmTables = Pick<Tables, 'meta' | 'radixNodes' | 'radixEdges' | 'radixEnds' | 'conversations'>;

/**
 * Finds the prefixes that recur most, in the radix index of one state: reads its nodes and its ends, and no
 * message list. Conversations are numbered in the order of their store times. While none has a create time of
 * its own, those created since a time are those from a number on; else the time of each is read.
 * @throws StowkenError CANCELLED, CORRUPT_STORE
 */
export async function findWarmPrefixes(
  tables: WarmTables,
  pin: Pin,
  nameOf: StringOf,
  { application, createdFromMs, blocksMin, limit, signal }: WarmQuery,
): Promise<WarmFinding[]> {
  const turns = new BackgroundTurns(signal);
  const conversations = tables.conversations.at(pin);
  const headerOf = (number: number) => {
    const record = conversations.get(number);
    if (!record) throw corruptConversation(number, 'the prefix index leads to it, and it is not there');
    return readHeader(record, nameOf).conversation;
  };
  const timeOf = (number: number): number => headerOf(number).createTimeMs;
  const isDated = hasCreateTimes({ meta: tables.meta.at(pin) });
  const isRecent = recentFrom(createdFromMs, timeOf);
  const tree = new WarmTree();
  for (const { key, value } of tables.radixNodes.at(pin).range({})) {
    for (const { number, node } of nodesIn(key, value)) tree.addNode(number, node.parent, nodeEnd(node));
    if (turns.due) await turns.pause();
  }
  /** Ends whose conversations are ordered by their create times. */
  const dated: { node: number; depth: number; conversation: number; timeMs: number }[] = [];
  const isOfApplication = new Map<number, boolean>();
  for (const { key, number } of new KeyIndex(tables.radixEdges.at(pin)).from(Buffer.alloc(0))) {
    const { application: name } = edgeOfKey(key, nameOf);
    if (name === undefined) break;
    tree.setApplication(number, name);
    isOfApplication.set(number, application === undefined || application === name);
    if (turns.due) await turns.pause();
  }
  for (const { node, depth, conversation } of allEnds(tables, pin)) {
    const isWanted = application === undefined || isOfApplication.get(tree.rootOf(node)) === true;
    if (isWanted && isDated) {
      const timeMs = timeOf(conversation);
      if (timeMs >= createdFromMs) dated.push({ node, depth, conversation, timeMs });
    } else if (isWanted && isRecent(conversation)) tree.addEnd(node, depth, conversation);
    if (turns.due) await turns.pause();
  }
  dated.sort((a, b) => a.timeMs - b.timeMs || a.conversation - b.conversation);
  for (const [place, { node, depth }] of dated.entries()) tree.addEnd(node, depth, place);
  return tree.best(limit, blocksMin).map(({ depth, newest, ...found }) => {
    const { id, createTimeMs } = headerOf(isDated ? dated[newest]!.conversation : newest);
    return {
      application: found.application,
      blocks: depth,
      conversations: found.conversations,
      id,
      newestMs: createTimeMs,
    };
  });
}

/** Yields the ends in nodes, then those in the table of ends. */
function* allEnds(tables: WarmTables, pin: Pin): Generator<RadixEnd, void, void> {
  for (const { key, value } of tables.radixNodes.at(pin).range({}))
    for (const { number, node } of nodesIn(key, value))
      if (node.ending !== undefined) yield { node: number, depth: nodeEnd(node), conversation: node.ending };
  for (const { key } of new KeyIndex(tables.radixEnds.at(pin)).from(Buffer.alloc(0))) yield endOfKey(key);
}

/** Returns whether a conversation was created since a time; asks for few of their times. */
function recentFrom(fromMs: number, timeOf: (number: number) => number): (number: number) => boolean {
  if (fromMs <= 0) return () => true;
  let [oldAt, recentAt] = [0, Infinity];
  return (number) => {
    if (number <= oldAt) return false;
    if (number >= recentAt) return true;
    const isRecent = timeOf(number) >= fromMs;
    if (isRecent) recentAt = number;
    else oldAt = number;
    return isRecent;
  };
}
