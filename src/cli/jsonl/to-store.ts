import { v7 as uuidv7 } from 'uuid';
import type { NewMessage, StoreRequest } from '../../client/index.js';
import { tokenizerOfModel } from '../../model/index.js';
import type { Io } from '../io.js';
import { seal } from './envelope.js';
import { readSource, splitLines } from './read-lines.js';
import { BadLine, type ConversationRecord, type MessageRecord, parseRecord } from './record.js';

/** Defaults for conversations that name none. */
export interface RecordDefaults {
  readonly application: string;
  /** Tokenizer of text whose model has none that is known. */
  readonly tokenizer: string;
}

/** Conversation to store. */
export interface ToStore {
  readonly request: StoreRequest;
  /** True if its text is encoded with the default tokenizer. */
  readonly assumesTokenizer: boolean;
}

/**
 * Returns the request to the server. An absent id is generated here, so that the store can be retried. The
 * tokenizer of text is the one that the line names, else its model's, else the default.
 */
export function toStoreRequest(record: ConversationRecord, defaults: RecordDefaults): ToStore {
  const messages = record.messages.map(toMessage);
  const hasText = messages.some(({ text }) => text !== undefined);
  const known = record.tokenizer ?? (hasText ? tokenizerOfModel(record.model ?? '') : '');
  const request = {
    conversation: {
      id: record.id ?? uuidv7(),
      application: record.application ?? defaults.application,
      model: record.model ?? '',
      tokenizer: known ?? defaults.tokenizer,
      parentId: record.parent_id ?? '',
      expireTimeMs: record.expire_time === undefined ? undefined : Date.parse(record.expire_time),
      metadata: record.metadata ?? {},
    },
    messages,
  };
  return { request, assumesTokenizer: known === undefined };
}

/** Returns the message to store; its index names it in an error. */
export function toMessage(message: MessageRecord, index: number): NewMessage {
  const { role, name, tool_call_id: toolCallId, content, tokens, ...extras } = message;
  const speaker = { role, name, toolCallId };
  const more = Object.keys(extras)[0];
  if (tokens !== undefined) {
    const other = content === undefined ? more : 'content';
    if (other !== undefined)
      throw new BadLine(`messages[${index}]: tokens and ${other}, where tokens are all that is said`);
    return { ...speaker, tokens };
  }
  if (content === undefined && more === undefined)
    throw new BadLine(`messages[${index}]: neither content nor tokens`);
  return { ...speaker, text: seal({ content: joined(content), ...extras }) };
}

/** Joins text parts to one text, as chat templates do. */
function joined(content: MessageRecord['content']): string | null {
  if (!Array.isArray(content)) return content ?? null;
  return content.map((part) => part.text).join('');
}

/**
 * Yields the conversations of one file, as import stores them; fields that cannot be stored are left out.
 * @throws BadLine with the line's number
 */
export async function* readStoreRequests(
  file: string,
  defaults: RecordDefaults,
  io: Pick<Io, 'stdin'>,
): AsyncGenerator<StoreRequest, void, void> {
  for await (const { number, bytes } of splitLines(readSource(file, io), Infinity)) {
    try {
      const record = parseRecord(bytes ?? Buffer.alloc(0), true);
      if (record instanceof BadLine) throw record;
      if (record !== undefined) yield toStoreRequest(record, defaults).request;
    } catch (error) {
      throw error instanceof BadLine ? new BadLine(`${file}:${number}: ${error.message}`) : error;
    }
  }
}
