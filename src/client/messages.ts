import { joinTokens } from './tokens.js';
import type {
  Chunk,
  ContentForms,
  ConversationHeader,
  Encoding,
  Message,
  MessageDescription,
} from './types.js';

const join: { readonly [E in Encoding]: (parts: readonly ContentForms[E][]) => ContentForms[E] } = {
  text: (parts) => parts.join(''),
  tokens: joinTokens,
};

/** Chunks to whole messages, one in memory at a time. */
export async function* wholeMessages<E extends Encoding>(
  encoding: E,
  parts: AsyncIterable<ConversationHeader | Chunk<E>>,
): AsyncGenerator<ConversationHeader | Message<E>, void, void> {
  let contents: ContentForms[E][] = [];
  let description: MessageDescription | undefined;
  let replaced = false;
  for await (const part of parts) {
    if (part.kind === 'header') {
      yield part;
      continue;
    }
    description ??= part.message;
    if (part.content !== undefined) contents.push(part.content);
    replaced ||= part.replaced;
    if (!part.endOfMessage) continue;
    if (description === undefined) throw new Error(`message ${part.messageIndex} came without its role`);
    const content = join[encoding](contents);
    yield { kind: 'message', index: part.messageIndex, ...description, content, replaced };
    contents = [];
    replaced = false;
    description = undefined;
  }
}
