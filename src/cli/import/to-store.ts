import type { NewMessage, StoreRequest } from '../../client/index.js';
import { limits, tokenizerOfModel } from '../../model/index.js';
import type { Io } from '../io.js';
import { BadLine } from './bad-line.js';
import { ChangingTokenizers } from './changed-text.js';
import { fieldsOf } from './fields.js';
import { NewIds } from './new-ids.js';
import { parseDocument } from './parse.js';
import {
  type Draft,
  type DraftMessage,
  isHoleOfSpec,
  isLabel,
  isObject,
  type Json,
  readDocument,
  takeData,
  takeLongValues,
  unpackedMin,
} from './shapes/index.js';
import { readDocuments } from './sources/index.js';

/**
 * Returns a conversation that can be stored: with a message, and long data as attachments. `bytes`: size of
 * what it was read from.
 */
export function storable(draft: Draft, bytes: number): Draft {
  const whole = withMessage(draft);
  if (bytes < unpackedMin) return whole;
  const take = (value: Json, data: Map<string, Uint8Array>) =>
    takeLongValues(takeData(value, data), data, bytes);
  const data = new Map<string, Uint8Array>();
  const document = take(whole.document, data);
  const messages = whole.messages.map((message): DraftMessage => {
    if (message.fields === undefined) return message;
    const own = new Map<string, Uint8Array>();
    const fields = take(message.fields, own);
    return own.size === 0 ? message : { ...message, fields, data: own };
  });
  return { ...whole, messages, document, ...(data.size > 0 && { data }) };
}

/**
 * Fields lie with messages: a document without messages gets one that is empty, and keeps what it was. A line
 * that export writes of a conversation without messages needs none.
 */
function withMessage(draft: Draft): Draft {
  if (draft.messages.length > 0 || isAsWritten(draft)) return draft;
  const empty = { role: '', name: '', toolCallId: '', content: [], fields: undefined };
  return { ...draft, messages: [empty] };
}

/** Keys that export always writes, beside a list of messages. */
const writtenKeys = ['id', 'application', 'model', 'tokenizer'] as const;

/** True for a line without messages that has what export writes of a conversation, and nothing else. */
function isAsWritten({ spec, document }: Draft): boolean {
  if (spec.id === undefined || !isObject(document)) return false;
  return (
    writtenKeys.every((key) => Object.hasOwn(document, key)) &&
    Object.entries(document).every(
      ([key, value]) =>
        isHoleOfSpec(value, key) ||
        (key === 'messages' && Array.isArray(value)) ||
        (value === '' && writtenKeys.some((each) => each === key)) ||
        key === 'create_time',
    )
  );
}

/** Defaults for conversations that name none. */
export interface RecordDefaults {
  readonly application: string;
  /** Tokenizer of text whose model has none that is known. */
  readonly tokenizer: string;
  /** True: text of special tokens becomes these tokens. */
  readonly specialTokens?: boolean | undefined;
  /** Returns the id of a conversation that has none. */
  readonly newId: () => string;
  /** Tokenizers of which a text may not come back as it was. */
  readonly changing?: ChangingTokenizers | undefined;
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
export function toStoreRequest(draft: Draft, defaults: RecordDefaults): ToStore {
  const { spec, messages } = draft;
  if (spec.id !== undefined) checkId(spec.id);
  const { changing = noneKnown } = defaults;
  const hasText = messages.some(({ content }) => typeof content === 'string');
  const known = spec.tokenizer ?? (hasText ? tokenizerOfModel(spec.model ?? '') : '');
  const tokenizer = known ?? defaults.tokenizer;
  const request = {
    conversation: {
      id: spec.id ?? defaults.newId(),
      application: spec.application ?? defaults.application,
      model: spec.model ?? '',
      tokenizer,
      parentId: spec.parentId ?? '',
      ...(typeof spec.createTime === 'number' && { createTimeMs: spec.createTime }),
      expireTimeMs: spec.expireTimeMs,
      metadata: spec.metadata ?? {},
    },
    messages: messages.map((message, index) =>
      toNewMessage(changing.keep(message, tokenizer), defaults, index === 0 ? draft : undefined),
    ),
  };
  return { request, assumesTokenizer: known === undefined };
}

const noneKnown = new ChangingTokenizers();

/** `of`: the document, if the message is the one that keeps it. @throws BadLine if it is too long */
export function toNewMessage(
  message: DraftMessage,
  { specialTokens = false }: Pick<RecordDefaults, 'specialTokens'>,
  of?: Draft,
): NewMessage {
  const { role, name, toolCallId, content } = message;
  const data = new Map([...(message.data ?? []), ...(of?.data ?? [])]);
  const fieldsJson = fieldsOf(message, specialTokens, of);
  refuseLonger('text', content, limits.uploadTextBytesMax);
  refuseLonger('fields (what its line has beside messages)', fieldsJson, limits.fieldsBytesMax);
  const speaker = {
    ...{ role, name, toolCallId, fieldsJson },
    ...(data.size > 0 && { attachments: [...data.values()] }),
  };
  return typeof content === 'string'
    ? { ...speaker, text: content, ...(specialTokens && { specialTokens }) }
    : { ...speaker, tokens: content };
}

/** Refuses here what a server would refuse, as is done below: a run that stores nothing says the same. */
function checkId(id: string): void {
  const { conversationIdBytesMax: bytesMax } = limits;
  if (isLabel(id, bytesMax)) return;
  const bytes = Buffer.byteLength(id);
  const isLong = bytes > bytesMax;
  const why = isLong ? `has ${bytes} bytes; the limit is ${bytesMax}` : 'holds half of a surrogate pair';
  throw new BadLine(`the id ${why} (INVALID_FIELD)`, 'an id that no conversation can have');
}

function refuseLonger(what: string, text: unknown, bytesMax: number): void {
  // A character has three bytes at most.
  if (typeof text !== 'string' || 3 * text.length <= bytesMax) return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= bytesMax) return;
  const words = `a message has ${what} of`;
  throw new BadLine(`${words} ${bytes} bytes; the limit is ${bytesMax}`, `${words} too many bytes`);
}

/**
 * Yields the conversations of one file, as import stores them.
 * @throws BadLine with the line's number
 */
export async function* readStoreRequests(
  file: string,
  defaults: Omit<RecordDefaults, 'newId'>,
  io: Pick<Io, 'stdin'>,
): AsyncGenerator<StoreRequest, void, void> {
  const ids = new NewIds();
  for await (const document of readDocuments(file, io, Infinity)) {
    try {
      const parsed = parseDocument(document);
      if (parsed === undefined) continue;
      const draft = storable(readDocument(parsed.value, parsed.json, {}), parsed.json.length);
      yield toStoreRequest(draft, { ...defaults, newId: ids.next }).request;
    } catch (error) {
      throw error instanceof BadLine ? new BadLine(`${file}:${document.number}: ${error.message}`) : error;
    }
  }
}
