import type * as Q from './generated/requests.js';
import { toWireMessage } from './mapping.js';
import type { NewMessage } from './content-types.js';

/** Limit of one block; the server accepts parts of 2 MiB. */
const blockBytesMax = 256 * 1024;
/** Limit of a block of text in UTF-16 units: each takes at most three bytes. */
const blockTextMax = 80 * 1024;

/** Yields an upload's requests: its spec, its messages in blocks, its end. */
export async function* uploadParts(
  spec: Q.UploadSpec,
  messages: Iterable<NewMessage> | AsyncIterable<NewMessage>,
): AsyncGenerator<Q.UploadConversationRequest, void, void> {
  yield { spec };
  let index = 0;
  let tokens = 0;
  let hasText = false;
  for await (const message of messages) {
    const { text, tokensLe32, ...wire } = toWireMessage(message, index++);
    const { role, name, toolCallId, fieldsJson, specialTokens, attachments = [] } = wire;
    yield { message: { role, name, toolCallId, fieldsJson, specialTokens } };
    for (const bytes of attachments) {
      let begins = true;
      for (let at = 0; at < bytes.length || begins; at += blockBytesMax) {
        yield { attachment: { begins, content: bytes.subarray(at, at + blockBytesMax) } };
        begins = false;
      }
    }
    if (text !== undefined) {
      hasText = true;
      for (const block of textBlocks(text)) yield { tokens: { text: block } };
    } else if (tokensLe32 !== undefined) {
      tokens += tokensLe32.length / 4;
      for (let at = 0; at < tokensLe32.length; at += blockBytesMax) {
        yield { tokens: { tokensLe32: tokensLe32.subarray(at, at + blockBytesMax) } };
      }
    }
  }
  // Only the server knows how many tokens a text has.
  yield { finish: hasText ? {} : { totalTokens: String(tokens) } };
}

/** Splits a text between characters. An empty text is one block, because it is text all the same. */
function* textBlocks(text: string): Generator<string, void, void> {
  let at = 0;
  do {
    let end = Math.min(at + blockTextMax, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end -= 1;
    yield text.slice(at, end);
    at = end;
  } while (at < text.length);
}
