import type { Conversation } from '../../../model/index.js';
import { matchesFilter } from '../../filters.js';
import type { ConversationPage, ListQuery } from '../../queries.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** Conversations that are looked at before other work gets its turn. */
const SLICE = 2000;

/** A page in creation order. The position is a conversation's number, so nothing is repeated or skipped. */
export async function listConversations(index: VaultIndex, query: ListQuery): Promise<ConversationPage> {
  const { filter, limit, scanLimit, order } = query;
  const newestFirst = order === 'newestFirst';
  const conversations: Conversation[] = [];
  let position = firstPosition(index, query);
  let scanned = 0;
  for (const { number, conversation } of index.inOrder(newestFirst, position)) {
    if (isPast(conversation, query)) return { conversations, next: undefined };
    if (conversations.length >= limit || scanned >= scanLimit) return { conversations, next: position };
    if (matchesFilter(conversation, filter)) conversations.push(conversation);
    position = number;
    scanned += 1;
    if (scanned % SLICE > 0) continue;
    await new Promise(setImmediate);
    query.signal?.throwIfAborted();
  }
  return { conversations, next: undefined };
}

/** Beyond which number to begin: create times go up with the numbers, so a time range is found by bisection. */
function firstPosition(index: VaultIndex, { after, order, filter }: ListQuery): number {
  if (after !== undefined) return after;
  if (order === 'oldestFirst') return index.numberFrom(filter.createTimeFromMs ?? -Infinity) - 1;
  return filter.createTimeBeforeMs === undefined ? Infinity : index.numberFrom(filter.createTimeBeforeMs);
}

/** Whether no later conversation of this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  if (order === 'newestFirst') return createTimeMs < (filter.createTimeFromMs ?? -Infinity);
  return createTimeMs >= (filter.createTimeBeforeMs ?? Infinity);
}
