import { joinTokens } from './tokens.js';
import type { Chunk, ContentForms, ConversationHeader, Encoding, Message } from './types.js';

const join: { readonly [E in Encoding]: (parts: readonly ContentForms[E][]) => ContentForms[E] } = {
  text: (parts) => parts.join(''),
  tokens: joinTokens,
};

/** Chunks to whole messages, one in memory at a time; of a message that a range cuts, what the range has. */
export async function* wholeMessages<E extends Encoding>(
  encoding: E,
  parts: AsyncIterable<ConversationHeader | Chunk<E>>,
): AsyncGenerator<ConversationHeader | Message<E>, void, void> {
  let chunks: Chunk<E>[] = [];
  for await (const part of parts) {
    if (part.kind === 'header') {
      yield part;
      continue;
    }
    chunks.push(part);
    if (!part.endOfMessage) continue;
    yield joined(encoding, chunks);
    chunks = [];
  }
  if (chunks.length > 0) yield joined(encoding, chunks);
}

function joined<E extends Encoding>(encoding: E, chunks: readonly Chunk<E>[]): Message<E> {
  const { messageIndex, tokenOffset, message } = chunks[0]!;
  if (message === undefined) throw new Error(`message ${messageIndex} came without its role`);
  const contents = chunks.flatMap(({ content }) => (content === undefined ? [] : [content]));
  const content = join[encoding](contents);
  const replaced = chunks.some((chunk) => chunk.replaced);
  return { kind: 'message', index: messageIndex, tokenOffset, ...message, content, replaced };
}
