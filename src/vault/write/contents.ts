import type { TokenCore } from '../../core/index.js';
import { isStowkenError, limits, StowkenError, type TokenRun } from '../../model/index.js';
import type { EncodedLe32, EncodeOptions, Tokenizers } from '../../text/index.js';
import { piecesOf } from '../content-pieces.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import type { MessageContent, NewMessage } from '../content.js';

/**
 * Reads the tokens of each message: validated, canonical, text encoded. A long message is given in
 * consecutive pieces. Rejects with MALFORMED_TOKENS or UNKNOWN_TOKENIZER, naming the field.
 */
export async function readContents(
  core: TokenCore,
  tokenizers: Tokenizers,
  tokenizer: string,
  messages: readonly NewMessage[],
  signal: AbortSignal,
): Promise<TokenRun[][]> {
  const encoded = await encodeAll(tokenizers, tokenizer, messages, signal);
  try {
    return await readAll(core, messages, encoded.le32, signal);
  } finally {
    encoded.release();
  }
}

/** `encoded`: tokens of the messages that are text, in order. */
async function readAll(
  core: TokenCore,
  messages: readonly NewMessage[],
  encoded: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<TokenRun[][]> {
  let nextText = 0;
  let tokens = 0;
  const runs: TokenRun[][] = [];
  for (let index = 0; index < messages.length; index++) {
    const { content } = messages[index]!;
    const le32 = content.kind === 'text' ? encoded[nextText++] : undefined;
    const pieces: TokenRun[] = [];
    for (const piece of piecesOf(le32 ? { kind: 'le32', bytes: le32 } : content)) {
      const run = readContent(core, piece, index);
      pieces.push(run);
      tokens += run.tokenCount;
      if (tokens >= limits.turnTokensMax) {
        tokens = 0;
        await yieldToEventLoop();
        throwIfAborted(signal);
      }
    }
    runs.push(pieces);
  }
  return runs;
}

const noTexts: EncodedLe32 = { le32: [], release: () => undefined };

/** Encodes those messages that are text. Those that ask for special tokens are encoded together. */
async function encodeAll(
  tokenizers: Tokenizers,
  tokenizer: string,
  messages: readonly NewMessage[],
  signal: AbortSignal,
): Promise<EncodedLe32> {
  const texts = messages.flatMap(({ content }, index) =>
    content.kind === 'text'
      ? [{ utf8: content.utf8, at: `messages[${index}]`, specials: content.specials === true }]
      : [],
  );
  if (texts.length === 0) return noTexts;
  const [plain, special] = [false, true].map((specials) =>
    texts.filter((text) => text.specials === specials),
  );
  if (special!.length === 0) return encodeTexts(tokenizers, tokenizer, plain!, signal);
  const options = { specials: true };
  if (plain!.length === 0) return encodeTexts(tokenizers, tokenizer, special!, signal, options);
  const ordinary = await encodeTexts(tokenizers, tokenizer, plain!, signal);
  const others = await encodeTexts(tokenizers, tokenizer, special!, signal, options).catch(
    (error: unknown) => {
      ordinary.release();
      throw error;
    },
  );
  const [next, nextSpecial] = [ordinary, others].map(({ le32 }) => le32.values());
  return {
    le32: texts.map(({ specials }) => (specials ? nextSpecial! : next!).next().value!),
    release: () => {
      ordinary.release();
      others.release();
    },
  };
}

/** Encodes each text to le32; `at` names a text in an error. */
export async function encodeTexts(
  tokenizers: Tokenizers,
  tokenizer: string,
  texts: readonly { readonly utf8: Uint8Array; readonly at: string }[],
  signal: AbortSignal,
  options?: EncodeOptions,
): Promise<EncodedLe32> {
  const all = texts.map(({ utf8 }) => utf8);
  try {
    return await tokenizers.encode(tokenizer, all, signal, options);
  } catch (error) {
    if (!isStowkenError(error, 'REQUEST_TOO_LARGE')) throw error;
    const { text, ...facts } = error.metadata;
    const field = `${texts[Number(text)]!.at}.text`;
    throw new StowkenError('REQUEST_TOO_LARGE', `${field} ${error.message}`, { ...facts, field });
  }
}

/**
 * Returns content as tokens, text encoded, and a function that returns its memory. `at` names it in an error.
 */
export async function contentTokens(
  { tokenizers }: { readonly tokenizers: Tokenizers },
  content: MessageContent,
  tokenizer: string,
  at: string,
  signal: AbortSignal,
): Promise<{ readonly tokens: MessageContent; readonly release: () => void }> {
  if (content.kind !== 'text') return { tokens: content, release: () => undefined };
  const { le32, release } = await encodeTexts(tokenizers, tokenizer, [{ utf8: content.utf8, at }], signal);
  return { tokens: { kind: 'le32', bytes: le32[0]! }, release };
}

const emptyRun: TokenRun = { varints: new Uint8Array(0), tokenCount: 0 };

/**
 * Reads tokens as they arrived; `of` names them in an error: a field, or the index of a message.
 * @throws StowkenError MALFORMED_TOKENS
 */
export function readContent(core: TokenCore, content: MessageContent, of: string | number): TokenRun {
  try {
    if (content.kind === 'varints') return core.fromVarints(content.chunks);
    if (content.kind === 'le32') return core.fromLe32(content.bytes);
    return emptyRun;
  } catch (error) {
    if (!isStowkenError(error, 'MALFORMED_TOKENS')) throw error;
    const at = typeof of === 'number' ? `messages[${of}]` : of;
    const field = `${at}.${content.kind === 'le32' ? 'tokens_le32' : 'tokens'}`;
    throw new StowkenError('MALFORMED_TOKENS', `${field}: ${error.message}`, { ...error.metadata, field });
  }
}
