import type { NewMessage, StowkenClient } from '../../src/client/index.js';

export const MESSAGES = 200_000;
export const TOKENS_EACH = 25;

/** Numbers of a conversation's messages: those of the long history, then its own. */
export interface History {
  readonly id: string;
  readonly shared: number;
  readonly own: readonly number[];
}

/** A range for RetrieveConversation; 0: no limit. */
export interface Range {
  readonly messageOffset?: number;
  readonly messageLimit?: number;
  readonly tokenOffset?: number;
  readonly tokenLimit?: number;
  readonly ifRevision?: number;
}

/** Returns the tokens of message `n`; no two messages have the same. */
function tokensOf(n: number): Uint32Array {
  return Uint32Array.from({ length: TOKENS_EACH }, (_, i) => {
    const mixed = Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca77);
    return i === 0 ? n : ((mixed ^ (mixed >>> 15)) >>> 0) % 200_000;
  });
}

export function messageOf(n: number): NewMessage {
  return { role: n % 2 === 0 ? 'user' : 'assistant', tokens: tokensOf(n) };
}

/** Yields the messages one by one; none is kept. */
export function* messagesUpTo(count: number): Generator<NewMessage, void, void> {
  for (let n = 0; n < count; n++) yield messageOf(n);
}

/**
 * Streams a history, or a range of it, and compares every token on arrival; resolves to the number of tokens.
 * Stops early, and breaks the stream, after `messagesMax`.
 * @throws Error if anything differs
 */
export async function compareStream(
  client: StowkenClient,
  { id, shared, own }: History,
  range: Range = {},
  messagesMax = Infinity,
): Promise<number> {
  const total = (shared + own.length) * TOKENS_EACH;
  const numberAt = (index: number) => (index < shared ? index : own[index - shared]!);
  let { messageOffset: index = 0 } = range;
  let at = 0;
  index += Math.floor((range.tokenOffset ?? 0) / TOKENS_EACH);
  at = (range.tokenOffset ?? 0) % TOKENS_EACH;
  const begin = index * TOKENS_EACH + at;
  let tokens = 0;
  for await (const part of client.retrieve(id, { encoding: 'tokens', ...range })) {
    if (part.kind === 'header') continue;
    if (part.messageIndex !== index || part.tokenOffset !== at)
      throw new Error(`${id}: a chunk out of order`);
    const wanted = tokensOf(numberAt(index));
    for (const token of part.content ?? []) {
      if (token !== wanted[at]) throw new Error(`${id}: token ${at} of message ${index} is another one`);
      at += 1;
      tokens += 1;
    }
    if (!part.endOfMessage) continue;
    if (at !== TOKENS_EACH) throw new Error(`${id}: message ${index} ends after ${at} tokens`);
    index += 1;
    at = 0;
    if (--messagesMax <= 0) return tokens;
  }
  const messageTokens = range.messageLimit ? range.messageLimit * TOKENS_EACH : Infinity;
  const limits = [range.tokenLimit || Infinity, messageTokens, total - begin];
  if (tokens !== Math.min(...limits))
    throw new Error(`${id}: ${tokens} tokens came, not ${Math.min(...limits)}`);
  return tokens;
}
