import { type Conversation, limits } from '../../model/index.js';
import type { ListPosition, StorageBackend } from '../../storage/index.js';
import { throwIfAborted, yieldToEventLoop } from '../event-loop.js';
import {
  copyConversation,
  type CopyCounts,
  faultOf,
  hasSameFields,
  isSameState,
} from './copy-conversation.js';
import { copyReferences } from './copy-references.js';
import { copyRegistries, copyTokenizer } from './copy-coders.js';
import { PutOrder } from './put-order.js';
import { Window } from './window.js';
import type { CopyFault, CopyParts, CopyPass } from './types.js';

/** Conversations that are read and written at once; they are written in the order of the source's list. */
const atOnce = 16;
const pageSize = 200;

/**
 * Makes the target what the source is: adds what it lacks, replaces what changed, and deletes what the source
 * has no more. Conversations that are the same already cost a look, so a pass can be repeated, and one that
 * was interrupted goes on where it ended. They are copied in the order of their first store, with their
 * revisions and times; frames are copied as they are.
 */
export async function copyPass(parts: CopyParts, pass: number): Promise<CopyPass> {
  const { source, target, signal } = parts;
  const counts: CopyCounts = { segments: 0, frameBytes: 0 };
  const faults: CopyFault[] = [];
  const tokenizers = new Set<string>();
  const window = new Window(atOnce);
  const order = new PutOrder(target.backend.kind);
  let copied = 0;
  let unchanged = 0;
  let done = 0;
  await source.refresh();
  const total = (await source.backend.stats()).conversations;
  for await (const { conversations, damaged } of pagesOf(source.backend, signal)) {
    await target.requireCopy();
    // Frames may name a registry that came with the page before.
    await source.refresh();
    await copyRegistries(parts);
    faults.push(...damaged);
    const stored = await Promise.all(conversations.map(({ id }) => target.backend.getConversation(id)));
    for (const [at, conversation] of conversations.entries()) {
      throwIfAborted(signal);
      const copy = stored[at];
      // One that was stored again in the moment of the former has its revision and times.
      if (copy && isSameState(copy, conversation) && hasSameFields(copy, conversation)) {
        unchanged += 1;
        continue;
      }
      if (!tokenizers.has(conversation.tokenizer)) await copyTokenizer(parts, conversation.tokenizer);
      tokenizers.add(conversation.tokenizer);
      await window.run(async (turn) => {
        try {
          if (await copyConversation(parts, conversation.id, copy, counts, order, turn)) copied += 1;
        } catch (error) {
          faults.push(faultOf(conversation.id, error));
        }
      });
    }
    await window.idle();
    done += conversations.length;
    parts.onProgress?.({ phase: 'copying', pass, done: Math.min(done, total), total });
  }
  const references = await copyReferences(parts, counts);
  const deleted = await deleteMissing(parts);
  return { copied, unchanged, deleted, references, ...counts, faults };
}

/** Deletes the conversations of the target that the source has no more. */
async function deleteMissing({ source, target, clock, signal }: CopyParts): Promise<number> {
  let deleted = 0;
  await source.refresh();
  for await (const { conversations } of pagesOf(target.backend, signal)) {
    await target.requireCopy();
    const found = await Promise.all(conversations.map(({ id }) => source.backend.getConversation(id)));
    for (const [at, { id }] of conversations.entries()) {
      if (found[at]) continue;
      await target.backend.commit({ delete: { id, timeMs: clock() } });
      deleted += 1;
    }
  }
  return deleted;
}

interface Page {
  readonly conversations: readonly Conversation[];
  readonly damaged: readonly CopyFault[];
}

/** Yields the conversations of a vault in the order of their first store. */
export async function* pagesOf(
  backend: Pick<StorageBackend, 'listConversations'>,
  signal: AbortSignal,
): AsyncGenerator<Page, void, void> {
  const query = {
    filter: {},
    order: 'earliestStoreFirst',
    limit: pageSize,
    scanLimit: limits.pageScanMax,
    signal,
  } as const;
  let after: ListPosition | undefined;
  do {
    throwIfAborted(signal);
    const page = await backend.listConversations({ ...query, ...(after !== undefined && { after }) });
    const damaged = (page.damaged ?? []).map(({ id = '', detail }) => ({ id, detail }));
    yield { conversations: page.conversations, damaged };
    after = page.next;
    await yieldToEventLoop();
  } while (after !== undefined);
}
