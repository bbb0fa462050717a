import { limits, StowkenError } from '../../model/index.js';
import { renderFailed, type Tokenizers } from '../../text/index.js';
import { withTokenizer } from '../write/tokenizer-of.js';
import { toolsIn } from './imported.js';
import { messageOf, promptChunk, promptParts, templateFor } from './render.js';
import type { RetrieveParts } from './retrieve.js';
import type { RenderMessagesInput, RetrievePart } from './types.js';

/** Prompt of messages, in tokens, and where each message ends among them. */
interface Prompt {
  readonly le32: Uint8Array;
  /** In tokens, rising. */
  readonly ends: readonly number[];
  readonly release: () => void;
}

/**
 * Streams the prompt that a chat template makes of messages that are not stored, cut at the ends of the
 * messages. Its tokens are those of the whole prompt: no cut changes one.
 */
export async function* renderMessages(
  parts: Pick<RetrieveParts, 'tokenizers' | 'core'>,
  input: RenderMessagesInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrievePart>, void, void> {
  const { tokenizers } = parts;
  const { model, messages, timeMs } = input;
  const spec = { id: '', application: '', model, parentId: '', expireTimeMs: undefined, metadata: {} };
  const { tokenizer } = withTokenizer(tokenizers, { ...spec, tokenizer: input.tokenizer });
  const chat = { messages: messages.map(readText), tools: toolsOf(messages[0]), timeMs };
  checkSize(messages);
  const template = await templateFor(tokenizers, tokenizer, input.render, chat);
  const { text, ends } = await tokenizers.render({ ...template, withEnds: true }, signal);
  const prompt = await encode(tokenizers, tokenizer, text, ends, signal);
  try {
    const totalTokens = prompt.le32.length / 4;
    const times = { createTimeMs: timeMs, storeTimeMs: timeMs, updateTimeMs: timeMs };
    const counts = { revision: 0, totalTokens, messageCount: messages.length };
    yield [{ kind: 'header', conversation: { ...spec, tokenizer, ...counts, ...times } }];
    const chunks = messages.map(({ role, name, toolCallId }, index) => {
      const bytes = prompt.le32.subarray(4 * (prompt.ends[index - 1] ?? 0), 4 * prompt.ends[index]!);
      return promptChunk(index, { role, name, toolCallId }, bytes);
    });
    const asked = { encoding: 'text', includeTokens: true } as const;
    for await (const part of promptParts(parts, tokenizer, asked, chunks, signal)) yield [part];
  } finally {
    prompt.release();
  }
}

type Message = RenderMessagesInput['messages'][number];

/** @throws StowkenError INVALID_FIELD */
function readText(message: Message, index: number): ReturnType<typeof messageOf> {
  const { content } = message;
  if (content.kind === 'none') return messageOf(message, '');
  if (content.kind === 'text') return messageOf(message, Buffer.from(content.utf8).toString());
  const field = `messages[${index}].content`;
  throw new StowkenError('INVALID_FIELD', `${field} is token ids, and a chat template takes text`, { field });
}

function toolsOf(first: Message | undefined): readonly unknown[] | undefined {
  return toolsIn(first?.fields && Buffer.from(first.fields).toString());
}

function checkSize(messages: readonly Message[]): void {
  const bytes = messages.reduce(
    (sum, { content, fields }) =>
      sum + (content.kind === 'text' ? content.utf8.length : 0) + (fields?.length ?? 0),
    0,
  );
  if (bytes > limits.renderedBytesMax)
    throw renderFailed(
      `the messages have ${bytes} bytes of text and fields; the limit is ${limits.renderedBytesMax}`,
    );
}

/**
 * Encodes a prompt as a whole, and finds its messages' ends among the tokens. A token over an end is part of
 * the message behind it.
 */
async function encode(
  tokenizers: Tokenizers,
  tokenizer: string,
  text: string,
  ends: readonly number[],
  signal: AbortSignal,
): Promise<Prompt> {
  const specials = { specials: true };
  const { le32, release } = await tokenizers.encode(tokenizer, [Buffer.from(text)], signal, specials);
  const whole = le32[0]!;
  const total = whole.length / 4;
  const pieces = ends.map((end, index) => Buffer.from(text.slice(ends[index - 1] ?? 0, end)));
  const bytes = runningSums(pieces.map(({ length }) => length));
  const places = await tokenEnds(tokenizers, tokenizer, whole, bytes.at(-1) ?? 0, signal);
  if (places !== undefined) {
    let at = 0;
    const cuts = bytes.map((end) => {
      while (at < places.length && places[at]! <= end) at++;
      return at;
    });
    return { le32: whole, ends: withLast(cuts, total), release };
  }
  // The tokenizer changed the text, as form C of Unicode does: the ends are those of its pieces.
  const counted = await tokenizers.encode(tokenizer, pieces, signal, specials);
  const cuts = runningSums(counted.le32.map(({ length }) => length / 4)).map((end) => Math.min(end, total));
  counted.release();
  return { le32: whole, ends: withLast(cuts, total), release };
}

function withLast(cuts: readonly number[], total: number): number[] {
  return cuts.map((end, index) => (index === cuts.length - 1 ? total : end));
}

function runningSums(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}

/** Returns the end of each token in the text, in bytes; undefined if the tokens are of another text. */
async function tokenEnds(
  tokenizers: Tokenizers,
  tokenizer: string,
  le32: Uint8Array,
  textBytes: number,
  signal: AbortSignal,
): Promise<number[] | undefined> {
  const places: number[] = [];
  let before = 0;
  for (let at = 0; at < le32.length;) {
    const items = [{ le32: le32.subarray(at), first: at === 0, last: true }];
    const options = { exact: false, ends: true };
    const [decoded] = await tokenizers.decode(tokenizer, items, signal, options);
    const { text, tokenCount, ends } = decoded!;
    if (ends === undefined) return undefined;
    for (const end of ends) places.push(before + end);
    before += Buffer.byteLength(text);
    at += 4 * tokenCount;
  }
  return before === textBytes ? places : undefined;
}
