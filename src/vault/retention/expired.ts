import {
  type Conversation,
  type Expiry,
  isExpired,
  isStowkenError,
  type LabelValue,
  limits,
} from '../../model/index.js';
import type {
  ConversationFilter,
  ListOrder,
  ListPosition,
  StorageBackend,
  ValueCondition,
} from '../../storage/index.js';

/** A look for conversations that have expired. */
interface Look {
  readonly filter: ConversationFilter;
  readonly order: ListOrder;
}

/** A page of one look; the last one of it, or another follows. */
export interface ExpiredPage {
  readonly conversations: readonly Conversation[];
  readonly isLast: boolean;
}

/**
 * Yields conversations that have expired, in pages of at most `limit`; some pages are empty. Each rule is one
 * list, which finds them by an index if its label is one: what has not expired costs next to nothing, but for
 * old conversations that another rule keeps. A conversation that two rules find may come twice.
 */
export async function* expiredConversations(
  backend: StorageBackend,
  expiry: Expiry,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<ExpiredPage, void, void> {
  for (const { filter, order: first } of looks(expiry)) {
    let order = first;
    let after: ListPosition | undefined;
    do {
      signal.throwIfAborted();
      const query = { filter, limit, scanLimit: limits.pageScanMax, signal };
      const page = await backend
        .listConversations({ ...query, order, ...(after !== undefined && { after }) })
        .catch((error: unknown) => {
          // The index by this time is being built: every conversation is looked at.
          if (!isStowkenError(error, 'INDEX_BUILDING') || after !== undefined) throw error;
          order = 'earliestStoreFirst';
          return backend.listConversations({ ...query, order });
        });
      after = page.next;
      const conversations = page.conversations.filter((each) => isExpired(each, expiry));
      yield { conversations, isLast: after === undefined };
    } while (after !== undefined);
  }
}

/**
 * Counts the conversations that have expired and are still stored. Looks at limits.pageScanMax conversations
 * for each rule: if there are more to look at, the count is a lower bound.
 */
export async function countExpired(
  backend: StorageBackend,
  expiry: Expiry,
  signal: AbortSignal,
): Promise<{ readonly conversations: number; readonly exact: boolean }> {
  const ids = new Set<string>();
  for await (const page of expiredConversations(backend, expiry, limits.pageScanMax, signal)) {
    for (const { id } of page.conversations) ids.add(id);
    if (!page.isLast) return { conversations: ids.size, exact: false };
  }
  return { conversations: ids.size, exact: true };
}

function looks({ nowMs, lifetimes }: Expiry): Look[] {
  const own: Look = { filter: { expireTimeBeforeMs: nowMs + 1 }, order: 'earliestExpiryFirst' };
  if (lifetimes === undefined) return [own];
  const { lifetimeMs, rules, keep } = lifetimes;
  const olderThan = (ageMs: number, conditions: readonly ValueCondition[]): Look[] =>
    ageMs === 0
      ? []
      : [
          {
            filter: {
              expires: false,
              createTimeBeforeMs: nowMs - ageMs + 1,
              conditions: [...conditions, ...without(keep)],
            },
            order: 'oldestFirst',
          },
        ];
  const ofRule = ({ label, value }: LabelValue): ValueCondition =>
    label === ''
      ? { field: 'application', key: '', values: [value], negated: false }
      : { field: 'metadata', key: label, values: [value], negated: false };
  return [
    own,
    ...rules.flatMap((rule) => olderThan(rule.lifetimeMs, [ofRule(rule)])),
    ...olderThan(lifetimeMs, []),
  ];
}

/** Returns conditions of the conversations that have none of these metadata entries. */
export function without(labels: readonly LabelValue[]): ValueCondition[] {
  const byLabel = new Map<string, string[]>();
  for (const { label, value } of labels) byLabel.set(label, [...(byLabel.get(label) ?? []), value]);
  return [...byLabel].map(([key, all]) => ({ field: 'metadata', key, values: all, negated: true }));
}
