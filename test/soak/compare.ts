import type { ContentForms, Message, StowkenClient } from '../../src/client/index.js';
import { tokensOf } from './content.js';

/** Error of a server that gives a wrong answer. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** A range of a conversation, for RetrieveConversation; 0: no limit. */
export interface Range {
  readonly messageOffset?: number;
  readonly messageLimit?: number;
  readonly tokenOffset?: number;
  readonly tokenLimit?: number;
}

/** Reads a conversation, or a range of messages or of tokens, and compares every token. */
export async function compareRead(
  client: StowkenClient,
  id: string,
  content: readonly number[],
  range: Range = {},
): Promise<void> {
  const got = [];
  for await (const part of client.read(id, { encoding: 'tokens', ...range })) {
    if (part.kind === 'message') got.push(part);
  }
  compareMessages(id, got, content, range);
}

/** Reads several conversations in one stream. */
export async function compareMany(
  client: StowkenClient,
  contents: readonly (readonly [id: string, content: readonly number[]])[],
): Promise<void> {
  const ids = contents.map(([id]) => id);
  const chunks = contents.map((): Uint32Array[] => []);
  for await (const { index, part } of client.retrieveMany(ids, { encoding: 'tokens' })) {
    if (part.kind === 'failed') throw part.error;
    if (part.kind === 'chunk' && part.content !== undefined) chunks[index]!.push(part.content);
  }
  for (const [index, [id, content]] of contents.entries()) {
    compareTokens(id, joined(chunks[index]!), joined(content.map(tokensOf)));
  }
}

function compareMessages(
  id: string,
  got: readonly Message<'tokens'>[],
  content: readonly number[],
  { messageOffset = 0, messageLimit = 0, tokenOffset = 0, tokenLimit = 0 }: Range,
): void {
  const numbers = content.slice(messageOffset, messageLimit === 0 ? undefined : messageOffset + messageLimit);
  const whole = joined(numbers.map(tokensOf));
  const wanted = whole.subarray(tokenOffset, tokenLimit === 0 ? undefined : tokenOffset + tokenLimit);
  compareTokens(id, joined(got.map((message): ContentForms['tokens'] => message.content)), wanted);
  const isCut = tokenOffset > 0 || tokenLimit > 0;
  if (!isCut && got.length !== numbers.length)
    throw new Broken(`${id} has ${got.length} messages, not ${numbers.length}`);
  for (const { index, role } of got) {
    const wantedRole = content[index]! % 2 === 0 ? 'user' : 'assistant';
    if (role !== wantedRole)
      throw new Broken(`message ${index} of ${id} is of ${role}, not of ${wantedRole}`);
  }
}

export function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function compareTokens(id: string, got: Uint32Array, wanted: Uint32Array): void {
  if (got.length !== wanted.length) throw new Broken(`${id} gave ${got.length} tokens, not ${wanted.length}`);
  const different = got.findIndex((token, at) => token !== wanted[at]);
  if (different >= 0) throw new Broken(`token ${different} of ${id} is another one`);
}
