import {
  type Conversation,
  isStowkenError,
  type LabelValue,
  limits,
  type SegmentHash,
} from '../../model/index.js';
import type {
  ConversationFilter,
  ListPosition,
  SegmentKey,
  StorageBackend,
  ValueCondition,
} from '../../storage/index.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import type { EraseInput } from './types.js';

/** Content of the conversations of an erasure, gathered before they are deleted. */
export class ErasedContent {
  conversations = 0;
  messages = 0;
  tokens = 0;
  missing = 0;
  /** Conversations whose lists cannot be read to their end. */
  damaged = 0;
  /** Tokens by segment; of copies of one content, the first one found stands for all. */
  readonly segments = new Map<SegmentKey, number>();
  /** Segments by their hashes, in a storage that may have copies of one; else empty. */
  readonly byHash = new Map<SegmentHash, SegmentKey>();
  readonly #copies = new Set<SegmentKey>();

  /** `joinsCopies`: false to keep the keys of all copies. */
  constructor(private readonly joinsCopies = true) {}
  readonly ids: string[] = [];

  /** Adds a conversation. Returns its metadata. */
  async add(backend: StorageBackend, id: string, turns: Turns): Promise<Readonly<Record<string, string>>> {
    const snapshot = await backend.openConversation(id).catch((error: unknown) => {
      if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
      this.damaged += 1;
      return undefined;
    });
    if (!snapshot) return {};
    const { messageCount, totalTokens, metadata } = snapshot.conversation;
    try {
      this.conversations += 1;
      this.messages += messageCount;
      this.tokens += totalTokens;
      this.ids.push(id);
      for (let from = 0; from < messageCount; from += limits.readBatchSlotsMax) {
        const messages = await snapshot.read(from, limits.readBatchSlotsMax);
        const named = messages.flatMap(({ segments, fields = [] }) => [...segments, ...fields]);
        if (this.joinsCopies && hasCopies(backend)) await this.#addCopies(backend, named);
        else for (const { key, tokenCount } of named) this.segments.set(key, tokenCount);
        await turns.spend(0, messages);
      }
    } catch (error) {
      if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
      this.damaged += 1;
    } finally {
      snapshot.release();
    }
    return metadata;
  }

  /** Returns the segments that stand for others, by the keys of all copies that are stored anywhere. */
  async copies(backend: StorageBackend): Promise<ReadonlyMap<SegmentKey, SegmentKey>> {
    const found = new Map<SegmentKey, SegmentKey>([...this.segments.keys()].map((key) => [key, key]));
    for (const [hash, key] of this.byHash)
      for (const copy of (await backend.findCopies?.(hash)) ?? []) found.set(copy, key);
    return found;
  }

  async #addCopies(
    backend: StorageBackend,
    named: readonly { readonly key: SegmentKey; readonly tokenCount: number }[],
  ): Promise<void> {
    const tokens = new Map(named.map(({ key, tokenCount }) => [key, tokenCount]));
    const fresh = [...tokens.keys()].filter((key) => !this.#copies.has(key));
    for (const [at, hash] of (await backend.readHashes(fresh)).entries()) {
      const key = fresh[at]!;
      this.#copies.add(key);
      if (this.byHash.has(hash)) continue;
      this.byHash.set(hash, key);
      this.segments.set(key, tokens.get(key)!);
    }
  }
}

/** True for a storage that may have a segment more than once. */
export function hasCopies({ copiesMax = 1 }: StorageBackend): boolean {
  return copiesMax > 1;
}

/** Yields the conversations of a selection, in batches; expired ones too. */
export async function* selected(
  backend: StorageBackend,
  selection: EraseInput['selection'],
  signal: AbortSignal,
  onDamaged: (count: number) => void,
): AsyncGenerator<readonly string[], void, void> {
  if (selection.kind === 'ids') {
    const ids = [...new Set(selection.ids)];
    for (let at = 0; at < ids.length; at += limits.deleteBatchConversationsMax)
      yield ids.slice(at, at + limits.deleteBatchConversationsMax);
    return;
  }
  const limit = limits.deleteBatchConversationsMax;
  const query = { filter: filterOf(selection.labels), limit, scanLimit: limits.pageScanMax, signal } as const;
  let after: ListPosition | undefined;
  do {
    throwIfAborted(signal);
    const page = await backend.listConversations({
      ...query,
      order: 'earliestStoreFirst',
      ...(after !== undefined && { after }),
    });
    onDamaged(page.damaged?.length ?? 0);
    yield page.conversations.map(({ id }) => id);
    after = page.next;
    await yieldToEventLoop();
  } while (after !== undefined);
}

/** Returns the filter of the conversations with all of these metadata entries. */
export function filterOf(labels: readonly LabelValue[]): ConversationFilter {
  return { conditions: labels.map(({ label, value }) => condition('metadata', label, value)) };
}

function condition(field: ValueCondition['field'], key: string, value: string): ValueCondition {
  return { field, key, values: [value], negated: false };
}

/** Returns whether a conversation is of the selection. */
export function isOf({ selection }: EraseInput): (one: Pick<Conversation, 'id' | 'metadata'>) => boolean {
  if (selection.kind === 'ids') {
    const ids = new Set(selection.ids);
    return ({ id }) => ids.has(id);
  }
  const { labels } = selection;
  return ({ metadata }) =>
    labels.every(({ label, value }) => Object.hasOwn(metadata, label) && metadata[label] === value);
}

/**
 * Returns those of the segments that another conversation names, itself or a copy. Reads all message lists.
 */
export async function namedElsewhere(
  backend: StorageBackend,
  segments: ReadonlyMap<SegmentKey, SegmentKey>,
  isErased: (conversation: Conversation) => boolean,
  signal: AbortSignal,
): Promise<Set<SegmentKey>> {
  const found = new Set<SegmentKey>();
  const turns = new Turns(signal);
  let after: ListPosition | undefined;
  do {
    const page = await backend.listConversations({
      filter: {},
      order: 'earliestStoreFirst',
      limit: limits.deleteBatchConversationsMax,
      scanLimit: limits.pageScanMax,
      signal,
      ...(after !== undefined && { after }),
    });
    for (const conversation of page.conversations) {
      if (isErased(conversation)) continue;
      const others = new ErasedContent(false);
      await others.add(backend, conversation.id, turns);
      for (const key of others.segments.keys()) {
        const same = segments.get(key);
        if (same !== undefined) found.add(same);
      }
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

/** Counts the conversations that name one of these as their parent. */
export async function countChildren(
  backend: StorageBackend,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const erased = new Set(ids);
  let children = 0;
  for (const id of ids) {
    let after: ListPosition | undefined;
    do {
      const page = await backend.listConversations({
        filter: { conditions: [condition('parentId', '', id)] },
        order: 'earliestStoreFirst',
        limit: limits.deleteBatchConversationsMax,
        scanLimit: limits.pageScanMax,
        signal,
        ...(after !== undefined && { after }),
      });
      children += page.conversations.filter((one) => !erased.has(one.id)).length;
      after = page.next;
    } while (after !== undefined);
  }
  return children;
}

/** Returns the labels that usage is counted by, and those that it was counted by before. */
export async function countedLabels(backend: StorageBackend, signal: AbortSignal): Promise<Set<string>> {
  const counted = new Set<string>();
  await backend.usage?.({
    fromMs: 0,
    beforeMs: Number.MAX_SAFE_INTEGER,
    onRow: ({ labels }) => Object.keys(labels).forEach((label) => counted.add(label)),
    signal,
  });
  return counted;
}

/** Returns the entries with which these are counted together: what was deleted before had them, too. */
export async function labelsBeside(
  backend: StorageBackend,
  entries: readonly LabelValue[],
  signal: AbortSignal,
): Promise<LabelValue[]> {
  const beside = new Map<string, LabelValue>();
  await backend.usage?.({
    fromMs: 0,
    beforeMs: Number.MAX_SAFE_INTEGER,
    onRow: ({ labels }) => {
      if (!entries.every(({ label, value }) => labels[label] === value)) return;
      for (const [label, value] of Object.entries(labels))
        beside.set(JSON.stringify([label, value]), { label, value });
    },
    signal,
  });
  return [...beside.values()];
}

/** Returns those of the metadata entries that no conversation but these has. */
export async function unusedLabels(
  backend: StorageBackend,
  entries: readonly LabelValue[],
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<LabelValue[]> {
  const unused: LabelValue[] = [];
  for (const entry of entries) {
    throwIfAborted(signal);
    let after: ListPosition | undefined;
    let isUsed = false;
    do {
      const page = await backend.listConversations({
        filter: filterOf([entry]),
        order: 'earliestStoreFirst',
        limit: ids.size + 1,
        scanLimit: limits.pageScanMax,
        signal,
        ...(after !== undefined && { after }),
      });
      isUsed = page.conversations.some(({ id }) => !ids.has(id));
      after = page.next;
    } while (after !== undefined && !isUsed);
    if (!isUsed) unused.push(entry);
  }
  return unused;
}
