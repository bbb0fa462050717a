import { conversationNotFound, isStowkenError, type TokenRun } from '../../model/index.js';
import { throwIfAborted } from '../event-loop.js';
import { isIndexed, openBlockOf } from '../prefix/index.js';
import type { SegmentTokenCache } from '../read/segment-tokens.js';
import type { AppendInput, StoreResult } from './types.js';
import { commitManifest } from './commit-manifest.js';
import { toStoreResult } from './commit-segments.js';
import { readContents } from './contents.js';
import { readFields } from './fields.js';
import { hashSegments } from './hash-segments.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';

export interface AppendParts extends StoreParts {
  readonly recent: SegmentTokenCache;
}

/** Adds messages to a conversation in one commit. */
export async function appendMessages(
  parts: AppendParts,
  input: AppendInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  const { core, tokenizers } = parts;
  const { id, ifRevision, requestId } = input;
  const tokenizer = await tokenizerFor(parts, input);
  const runs = await readContents(core, tokenizers, tokenizer ?? '', input.messages, signal);
  const fields = await readFields(parts, input.messages, signal);
  const { messages, runOf } = await hashSegments(core, input.messages, runs, signal, undefined, fields);
  const timeMs = parts.clock();
  const append = {
    ...{ id, messages, timeMs },
    ...(ifRevision !== undefined && { revision: ifRevision }),
    ...(tokenizer !== undefined && { tokenizer }),
  };
  const request = requestPart(requestId, timeMs, 'append', [id, ifRevision], messages);
  for (;;) {
    const prefix = await prefixAfter(parts, id, runs, signal);
    const change = { ...request, append: { ...append, ...(prefix && { prefix }) } };
    try {
      const result = await commitManifest(parts, change, runOf, signal);
      return toStoreResult(result.append!);
    } catch (error) {
      // The conversation has changed before this commit: the blocks are others.
      if (!isStowkenError(error, 'PREFIX_OUTDATED')) throw error;
      throwIfAborted(signal);
      // One of another tokenizer has taken its place: texts are other tokens.
      if ((await tokenizerFor(parts, input)) !== tokenizer) return appendMessages(parts, input, signal);
    }
  }
}

/**
 * Returns the fingerprints of the blocks that these tokens complete; undefined if the conversation is not
 * indexed.
 */
async function prefixAfter(
  parts: AppendParts,
  id: string,
  runs: readonly (readonly TokenRun[])[],
  signal: AbortSignal,
) {
  const open = isIndexed(parts) ? await openBlockOf(parts, id, signal) : undefined;
  if (open === undefined) return undefined;
  for (const run of runs.flat()) await open.fingerprints.pushInTurns(run, signal);
  return { after: open.after, blocks: open.fingerprints.blocks() };
}

/** Returns the tokenizer of the conversation; undefined if there is no text to encode with it. */
async function tokenizerFor(
  { backend }: StoreParts,
  { id, messages }: AppendInput,
): Promise<string | undefined> {
  if (!messages.some(({ content }) => content.kind === 'text')) return undefined;
  const conversation = await backend.getConversation(id);
  if (conversation === undefined) throw conversationNotFound(id);
  return conversation.tokenizer;
}
