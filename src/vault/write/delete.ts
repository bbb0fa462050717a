import { type Expiry, isStowkenError, limits } from '../../model/index.js';
import type {
  Change,
  ConversationFilter,
  DamagedConversation,
  ListOrder,
  ListPosition,
  StorageBackend,
} from '../../storage/index.js';
import { asFound } from '../as-found.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import { expiredConversations } from '../retention/index.js';
import type { DeleteManyInput, DeleteManyResult, DeleteOptions, DeleteResult } from './types.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';

const nothingReleased: DeleteResult = { releasedReferences: 0, garbageSegments: 0, missing: true };

export async function deleteConversation(
  { backend, clock }: Pick<StoreParts, 'backend' | 'clock'>,
  id: string,
  { allowMissing, ifRevision, requestId }: DeleteOptions,
): Promise<DeleteResult> {
  const timeMs = clock();
  const request = requestPart(requestId, timeMs, 'delete', [id, allowMissing, ifRevision]);
  const change = { id, timeMs, ...(ifRevision !== undefined && { revision: ifRevision }) };
  try {
    const result = await backend.commit({ ...request, delete: change });
    return result.delete ?? nothingReleased;
  } catch (error) {
    if (!allowMissing || !isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
    // The absence of the conversation is remembered as any result is, because a retry must not delete a
    // conversation that is stored meanwhile. If the same request has arrived twice at once, the other one may
    // have been answered before: then that answer is returned.
    const answered = request.request && (await backend.commit(request));
    return answered?.delete ?? nothingReleased;
  }
}

/** One conversation to delete, by its id, or as a filter found it. */
type Target = Pick<NonNullable<Change['delete']>, 'id' | 'revision' | 'filter'>;

type Counts = Omit<DeleteManyResult, 'damaged'>;
type Outcome = Omit<Counts, 'conversations'> & { readonly conversations: 0 | 1 };

const nothing = {
  conversations: 0,
  missing: 0,
  changed: 0,
  releasedReferences: 0,
  garbageSegments: 0,
} as const;

/** Deletes in batches. Each conversation is a change of its own; the changes of a batch share commits. */
export async function deleteConversations(
  { backend, clock }: Pick<StoreParts, 'backend' | 'clock'>,
  { selection, dryRun }: DeleteManyInput,
  expiry: () => Expiry,
  signal: AbortSignal,
): Promise<DeleteManyResult> {
  const total = { ...nothing } as { -readonly [Name in keyof Counts]: number };
  const damaged: DamagedConversation[] = [];
  // Several lists may come to one: it is named once.
  const named = new Set<string>();
  const onDamaged = (found: readonly DamagedConversation[]) => {
    for (const each of found) {
      if (damaged.length === limits.damagedNamedMax) return;
      const name = each.id ?? each.detail;
      if (!named.has(name)) damaged.push(each);
      named.add(name);
    }
  };
  const batches =
    selection.kind === 'ids'
      ? idBatches(selection.ids)
      : selection.kind === 'expired'
        ? expiredBatches(backend, selection.filter, expiry(), { onDamaged, signal })
        : foundBatches(backend, selection.filter, { onDamaged, signal });
  const work = (target: Target) => {
    if (dryRun) return look(backend, target);
    // A conversation that got a longer lifetime meanwhile stays.
    const condition = selection.kind === 'expired' ? { expiry: expiry() } : {};
    return remove(backend, { ...target, ...condition, timeMs: clock() });
  };
  for await (const batch of batches) {
    throwIfAborted(signal);
    const settled = await Promise.allSettled(batch.map(work));
    for (const one of settled) {
      if (one.status === 'rejected') throw one.reason;
      for (const name of Object.keys(nothing) as (keyof Counts)[]) total[name] += one.value[name];
    }
    await yieldToEventLoop();
  }
  return { ...total, damaged };
}

function* idBatches(ids: readonly string[]): Generator<Target[], void, void> {
  const distinct = [...new Set(ids)];
  for (let at = 0; at < distinct.length; at += limits.deleteBatchConversationsMax) {
    yield distinct.slice(at, at + limits.deleteBatchConversationsMax).map((id) => ({ id }));
  }
}

interface FindOptions {
  /** Called with the conversations that cannot be read. */
  readonly onDamaged: (damaged: readonly DamagedConversation[]) => void;
  readonly signal: AbortSignal;
}

async function* expiredBatches(
  backend: StorageBackend,
  filter: ConversationFilter,
  expiry: Expiry,
  options: FindOptions,
): AsyncGenerator<Target[], void, void> {
  const limit = limits.deleteBatchConversationsMax;
  for await (const { conversations } of expiredConversations(backend, expiry, { ...options, filter, limit }))
    yield conversations.map((each) => asFound(each, filter));
}

async function* foundBatches(
  backend: StorageBackend,
  filter: ConversationFilter,
  { onDamaged, signal }: FindOptions,
): AsyncGenerator<Target[], void, void> {
  const limit = limits.deleteBatchConversationsMax;
  const query = { filter, limit, scanLimit: limits.pageScanMax, signal } as const;
  let order = orderFor(filter);
  let after: ListPosition | undefined;
  do {
    const page = await backend
      .listConversations({ ...query, order, ...(after !== undefined && { after }) })
      .catch((error: unknown) => {
        // The index by this time is being built: every conversation is looked at.
        if (!isStowkenError(error, 'INDEX_BUILDING') || after !== undefined) throw error;
        order = 'earliestStoreFirst';
        return backend.listConversations({ ...query, order });
      });
    onDamaged(page.damaged ?? []);
    yield page.conversations.map((each) => asFound(each, filter));
    after = page.next;
  } while (after !== undefined);
}

/** Returns the order in which a filter finds its conversations with the fewest looks. */
function orderFor(filter: ConversationFilter): ListOrder {
  if (filter.expireTimeBeforeMs !== undefined) return 'earliestExpiryFirst';
  const hasRange = filter.createTimeFromMs !== undefined || filter.createTimeBeforeMs !== undefined;
  return hasRange ? 'oldestFirst' : 'earliestStoreFirst';
}

async function look(backend: StorageBackend, { id, revision }: Target): Promise<Outcome> {
  const isThere = revision !== undefined || (await backend.getConversation(id)) !== undefined;
  return isThere ? { ...nothing, conversations: 1 } : { ...nothing, missing: 1 };
}

async function remove(
  backend: StorageBackend,
  target: Target & NonNullable<Change['delete']>,
): Promise<Outcome> {
  try {
    const result = await backend.commit({ delete: target });
    return { ...nothing, conversations: 1, ...result.delete! };
  } catch (error) {
    if (isStowkenError(error, 'REVISION_MISMATCH')) return { ...nothing, changed: 1 };
    if (!isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
    // A conversation that the filter found and another call has deleted since does not count as missing, also
    // if another one is stored under its id; nor does one that has not expired any more.
    return target.revision === undefined ? { ...nothing, missing: 1 } : nothing;
  }
}
