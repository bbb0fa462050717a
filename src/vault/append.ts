import { commitNaming, toStoreResult } from './commit-segments.js';
import { readContents } from './contents.js';
import { nameSegments } from './name-segments.js';
import { conversationNotFound, namingConversation } from './not-found.js';
import { requestPart } from './request-mark.js';
import type { StoreParts } from './store.js';
import type { AppendInput, StoreResult } from './types.js';

/** Adds messages to a conversation in one commit. */
export async function appendMessages(
  parts: StoreParts,
  input: AppendInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  const { core, tokenizers } = parts;
  const { id, ifRevision, requestId } = input;
  const tokenizer = await tokenizerFor(parts, input);
  const runs = await readContents(core, tokenizers, tokenizer, input.messages, signal);
  const { messages, runOf } = await nameSegments(core, input.messages, runs, signal);
  const timeMs = parts.clock();
  const append = { id, messages, timeMs, ...(ifRevision !== undefined && { revision: ifRevision }) };
  const request = requestPart(requestId, timeMs, 'append', [id, ifRevision], messages);
  const result = await namingConversation(id, commitNaming(parts, { ...request, append }, runOf, signal));
  return toStoreResult(result.append!);
}

/** Text is encoded with what the conversation was stored with, which no append changes. */
async function tokenizerFor({ backend }: StoreParts, { id, messages }: AppendInput): Promise<string> {
  if (!messages.some(({ content }) => content.kind === 'text')) return '';
  const conversation = await backend.getConversation(id);
  if (conversation === undefined) throw conversationNotFound(id);
  return conversation.tokenizer;
}
