import { type ClientError, isClientError, type Message, type StowkenClient } from '../../client/index.js';
import { type Content, type Conversation, unseal } from '../../model/index.js';
import { saidOf, toolsOf } from '../import/fields.js';
import { readForm } from '../jsonl/write.js';
import type { TextMessage, TextSample, TokenSample } from './formats/format.js';

/** Limits of the conversations that are asked for in one call. */
const batchIdsMax = 1000;
const batchTokensMax = 8 * 2 ** 20;
/** Limit of the tokens of a conversation that is held in memory as a sample. */
const sampleTokensMax = 64 * 2 ** 20;

/** A sample, or the reason why a conversation has none. */
export type Sampled<Sample> =
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'empty' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'failed'; readonly id: string; readonly error: Error };

/** Reads conversations as token ids, in the order listed, many in a call. */
export async function* tokenSamples(
  client: StowkenClient,
  listed: readonly Conversation[],
): AsyncGenerator<Sampled<TokenSample>, void, void> {
  for (const batch of batches(listed)) {
    const small = batch.filter(({ totalTokens }) => totalTokens > 0 && totalTokens <= sampleTokensMax);
    for (const { id, totalTokens } of batch) {
      if (totalTokens === 0) yield { kind: 'empty' };
      else if (totalTokens > sampleTokensMax) yield { kind: 'failed', id, error: tooLong(totalTokens) };
    }
    if (small.length > 0) yield* manyTokens(client, small);
  }
}

function* batches(listed: readonly Conversation[]): Generator<Conversation[], void, void> {
  let batch: Conversation[] = [];
  let tokens = 0;
  for (const found of listed) {
    const isFull = batch.length === batchIdsMax || tokens + found.totalTokens > batchTokensMax;
    if (batch.length > 0 && isFull) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(found);
    tokens += found.totalTokens;
  }
  if (batch.length > 0) yield batch;
}

async function* manyTokens(
  client: StowkenClient,
  batch: readonly Conversation[],
): AsyncGenerator<Sampled<TokenSample>, void, void> {
  const ids = batch.map(({ id }) => id);
  for await (const read of client.readMany(ids, { tokensMax: sampleTokensMax })) {
    if (read.kind === 'failed') yield unreadable(ids[read.index]!, read.error);
    // Since it was listed, it may have become too long, or empty.
    else if (read.kind === 'tooLong') {
      const { id, totalTokens } = read.conversation;
      yield { kind: 'failed', id, error: tooLong(totalTokens) };
    } else if (read.tokens.length === 0) yield { kind: 'empty' };
    else {
      const { conversation, tokens, messages } = read;
      yield { kind: 'sample', sample: { conversation, tokens, tokenMax: largest(tokens), messages } };
    }
  }
}

function largest(tokens: Uint32Array): number {
  let found = 0;
  for (let at = 0; at < tokens.length; at++) if (tokens[at]! > found) found = tokens[at]!;
  return found;
}

/** Tools of a chat stand among the fields of its messages. */
const fields = { includeFields: true };

/** Reads a conversation as text. */
export async function textSample(client: StowkenClient, found: Conversation): Promise<Sampled<TextSample>> {
  const { id, totalTokens } = found;
  if (totalTokens > sampleTokensMax) return { kind: 'failed', id, error: tooLong(totalTokens) };
  let conversation = found;
  const messages: TextMessage[] = [];
  const parts: (Message<'text'> | Message<'tokens'>)[] = [];
  try {
    const hasText = found.tokenizer !== '' || totalTokens === 0;
    for await (const part of readForm(client, id, hasText ? 'utf8' : 'tokens', fields)) {
      if (part.kind === 'header') ({ conversation } = part);
      else {
        messages.push(textMessage({ ...part, content: saidOf(part) }));
        parts.push({ ...part, content: '' });
      }
    }
  } catch (error) {
    if (error instanceof NoText || isClientError(error)) return unreadable(id, error);
    throw error;
  }
  const tools = toolsOf(conversation, parts);
  return { kind: 'sample', sample: { conversation, messages, ...(tools && { tools }) } };
}

function textMessage(part: {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  readonly index: number;
  readonly content: string | Uint32Array;
}): TextMessage {
  const { role, name, toolCallId, index, content } = part;
  const speaker = { role, name, toolCallId };
  if (typeof content === 'string') return { ...speaker, ...(unseal(content) satisfies Content) };
  if (content.length === 0) return { ...speaker, content: '' };
  throw new NoText(`message ${index} cannot be given as text`);
}

class NoText extends Error {
  override readonly name = 'NoText';
}

/** @throws an error that is not of one conversation: the connection is lost, or the call is over */
function unreadable(id: string, error: ClientError | Error): Sampled<never> {
  if (isClientError(error, 'CONVERSATION_NOT_FOUND')) return { kind: 'deleted' };
  return { kind: 'failed', id, error };
}

function tooLong(tokens: number): Error {
  return new Error(
    `it has ${tokens} tokens; this format holds ${sampleTokensMax} of one conversation at most`,
  );
}
