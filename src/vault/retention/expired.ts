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
  DamagedConversation,
  ListOrder,
  ListPosition,
  StorageBackend,
  ValueCondition,
} from '../../storage/index.js';

/** A look for conversations that have expired. */
interface Look {
  readonly filter: ConversationFilter;
  readonly order: ListOrder;
  /** True for a conversation that this look finds. */
  readonly finds: (conversation: Conversation) => boolean;
}

/** A list of expired conversations. */
export interface ExpiredQuery {
  /** Only those that match; all if absent. */
  readonly filter?: ConversationFilter;
  /** Limit of a page. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Called with those whose records are damaged, as the lists name them. */
  readonly onDamaged?: (damaged: readonly DamagedConversation[]) => void;
}

/** A page of one look; the last one of it, or another follows. */
export interface ExpiredPage {
  readonly conversations: readonly Conversation[];
  readonly isLast: boolean;
}

/**
 * Yields conversations that have expired, each once, in pages of at most `limit`; some pages are empty. Each
 * rule is one list, which finds them by an index if its label is one: what has not expired costs next to
 * nothing, but for old conversations that another rule keeps.
 */
export async function* expiredConversations(
  backend: StorageBackend,
  expiry: Expiry,
  { filter: asked = {}, limit, signal, onDamaged }: ExpiredQuery,
): AsyncGenerator<ExpiredPage, void, void> {
  const all = looks(expiry);
  for (const [at, look] of all.entries()) {
    const filter = bothOf(asked, look.filter);
    if (filter === undefined) continue;
    let { order } = look;
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
      onDamaged?.(page.damaged ?? []);
      const conversations = page.conversations.filter(
        (each) => isExpired(each, expiry) && !all.slice(0, at).some(({ finds }) => finds(each)),
      );
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
  for await (const page of expiredConversations(backend, expiry, { limit: limits.pageScanMax, signal })) {
    for (const { id } of page.conversations) ids.add(id);
    if (!page.isLast) return { conversations: ids.size, exact: false };
  }
  return { conversations: ids.size, exact: true };
}

/** Returns the filter of what matches two; undefined if nothing can. */
function bothOf(asked: ConversationFilter, look: ConversationFilter): ConversationFilter | undefined {
  if (look.expires === false && asked.expires === true) return undefined;
  const lesser = (a = Infinity, b = Infinity) => (Math.min(a, b) === Infinity ? undefined : Math.min(a, b));
  const createTimeBeforeMs = lesser(asked.createTimeBeforeMs, look.createTimeBeforeMs);
  const expireTimeBeforeMs = lesser(asked.expireTimeBeforeMs, look.expireTimeBeforeMs);
  return {
    ...asked,
    ...look,
    conditions: [...(asked.conditions ?? []), ...(look.conditions ?? [])],
    ...(createTimeBeforeMs !== undefined && { createTimeBeforeMs }),
    ...(expireTimeBeforeMs !== undefined && { expireTimeBeforeMs }),
  };
}

function looks({ nowMs, lifetimes }: Expiry): Look[] {
  const own: Look = {
    filter: { expireTimeBeforeMs: nowMs + 1 },
    order: 'earliestExpiryFirst',
    finds: ({ expireTimeMs }) => expireTimeMs !== undefined,
  };
  if (lifetimes === undefined) return [own];
  const { lifetimeMs, rules, keep } = lifetimes;
  const olderThan = (ageMs: number, rule?: LabelValue): Look[] => {
    if (ageMs === 0) return [];
    const createTimeBeforeMs = nowMs - ageMs + 1;
    const conditions = [...(rule ? [ofRule(rule)] : []), ...without(keep)];
    return [
      {
        filter: { expires: false, createTimeBeforeMs, conditions },
        order: 'oldestFirst',
        finds: (each) => each.createTimeMs < createTimeBeforeMs && (!rule || isUnder(each, rule)),
      },
    ];
  };
  const ofRule = ({ label, value }: LabelValue): ValueCondition =>
    label === ''
      ? { field: 'application', key: '', values: [value], negated: false }
      : { field: 'metadata', key: label, values: [value], negated: false };
  return [own, ...rules.flatMap((rule) => olderThan(rule.lifetimeMs, rule)), ...olderThan(lifetimeMs)];
}

/** True if a conversation is of the application of a rule, or has its label. */
function isUnder({ application, metadata }: Conversation, { label, value }: LabelValue): boolean {
  return (label === '' ? application : metadata[label]) === value;
}

/** Returns conditions of the conversations that have none of these metadata entries. */
export function without(labels: readonly LabelValue[]): ValueCondition[] {
  const byLabel = new Map<string, string[]>();
  for (const { label, value } of labels) byLabel.set(label, [...(byLabel.get(label) ?? []), value]);
  return [...byLabel].map(([key, all]) => ({ field: 'metadata', key, values: all, negated: true }));
}
