import type { AttachmentInfo, Conversation } from '../model/index.js';
import { status } from '@grpc/grpc-js';
import { ClientError, itemError } from './errors.js';
import type * as Q from './generated/requests.js';
import type * as W from './generated/responses.js';
import { fromUint64, fromWireTime, toUint32, toUint64, toWireTime } from './numbers.js';
import { fromLe32, toLe32 } from './messages.js';
import type {
  Chunk,
  ContentForms,
  ConversationFilter,
  DamagedConversation,
  Encoding,
  MessageDescription,
  MessageWithSegments,
  PrefixContent,
  RetrieveOptions,
} from './read-types.js';
import { wireValue, withKnownFields } from './request-fields.js';
import type { NewMessage } from './content-types.js';
import type { StoreRequest, StoreResult } from './write-types.js';

type RetrieveRange = Pick<
  RetrieveOptions<Encoding>,
  'messageOffset' | 'messageLimit' | 'tokenOffset' | 'tokenLimit'
>;

export function toWireSpec(spec: NonNullable<StoreRequest['conversation']>): Q.Conversation {
  const { id, application, model, tokenizer, parentId, createTimeMs, expireTimeMs, metadata } =
    withKnownFields('conversation', spec, 'conversation');
  return {
    id: wellFormed('id', id),
    application: wellFormed('application', application),
    model: wellFormed('model', model),
    tokenizer: wellFormed('tokenizer', tokenizer),
    parentId: wellFormed('parent id', parentId),
    createTime: toWireTime('create time', createTimeMs),
    expireTime: toWireTime('expire time', expireTimeMs),
    metadata: checkedMetadata('metadata', metadata),
  };
}

export function toWireMessage(message: NewMessage, index: number): Q.Message {
  const at = `messages[${index}]`;
  withKnownFields('message', message, at);
  return {
    role: wellFormed(`${at}.role`, message.role),
    name: wellFormed(`${at}.name`, message.name),
    toolCallId: wellFormed(`${at}.tool_call_id`, message.toolCallId),
    fieldsJson: wellFormed(`${at}.fields_json`, message.fieldsJson),
    ...(message.specialTokens === true && { specialTokens: true }),
    ...(message.attachments && { attachments: message.attachments }),
    ...toWireContent(message, at),
  };
}

export function toWireContent(
  { text, tokens, tokensLe32 }: PrefixContent,
  at: string,
): Pick<Q.Message, 'text' | 'tokensLe32'> {
  if ([text, tokens, tokensLe32].filter((form) => form !== undefined).length > 1) {
    throw new TypeError(`${at} has its content in more than one form`);
  }
  if (text !== undefined) return { text: wellFormed(`${at}.text`, text) };
  if (tokens !== undefined) {
    if (tokens instanceof Uint32Array || Array.isArray(tokens)) return { tokensLe32: toLe32(tokens) };
    throw new TypeError(`${at}.tokens is neither a Uint32Array nor a list of numbers`);
  }
  if (tokensLe32 === undefined || tokensLe32 instanceof Uint8Array)
    return tokensLe32 === undefined ? {} : { tokensLe32 };
  throw new TypeError(`${at}.tokensLe32 is not a Uint8Array`);
}

/** Half of a surrogate pair. */
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Refuses what would be stored as another text, or as none: lone surrogates, which UTF-8 does not have, and
 * values that are no texts.
 */
function wellFormed(field: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== 'string') throw new TypeError(`${field} is ${kindOf(text)}, not a text`);
  if (loneSurrogate.test(text)) {
    throw new TypeError(`${field} holds half of a surrogate pair, which no UTF-8 text can`);
  }
  return text;
}

/** Returns the entries of a plain object, all of them texts. */
function checkedMetadata(field: string, metadata: ConversationFilter['metadata']): typeof metadata {
  if (metadata === undefined) return undefined;
  const prototype: unknown = metadata && typeof metadata === 'object' && Object.getPrototypeOf(metadata);
  // A Map has entries that no one would see.
  if (prototype !== null && prototype !== Object.prototype)
    throw new TypeError(`${field} is not a plain object of texts`);
  for (const [key, value] of Object.entries(metadata)) {
    // protobufjs would lose this key: it assigns keys to a plain object.
    if (key === '__proto__') throw new TypeError(`${field} cannot have a key named __proto__`);
    wellFormed(`a key of ${field}`, key);
    const at = `${field} ${JSON.stringify(key)}`;
    if (wellFormed(at, value) === undefined) throw new TypeError(`${at} is undefined, not a text`);
  }
  return metadata;
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

/** Returns the wire form of a revision. @throws RangeError if it is not a whole number */
export function toWireRevision(ifRevision: number | undefined): string | undefined {
  return ifRevision === undefined ? undefined : toUint64('revision', ifRevision);
}

/** Returns the fields of a range. @throws RangeError if one is not a whole number */
export function toWireRange(range: RetrieveRange): Q.RetrieveConversationRequest {
  return {
    messageOffset: toUint32('message offset', range.messageOffset ?? 0),
    messageLimit: toUint32('message limit', range.messageLimit ?? 0),
    tokenOffset: toUint64('token offset', range.tokenOffset ?? 0),
    tokenLimit: toUint64('token limit', range.tokenLimit ?? 0),
  };
}

export function toWireFilter(filter: ConversationFilter): Q.ConversationFilter {
  withKnownFields('filter', filter, 'filter');
  const { application, model, tokenizer, idPrefix, metadata, tokensMin, tokensMax } = filter;
  return {
    conditions: filter.conditions?.map((given, index) => {
      const at = `filter.conditions[${index}]`;
      const { field, ...condition } = withKnownFields('condition', given, at);
      return { ...condition, field: wireValue(`${at}.field`, wireFields, field) };
    }),
    updateTimeFrom: toWireTime('updated from', filter.updateTimeFromMs),
    updateTimeBefore: toWireTime('updated before', filter.updateTimeBeforeMs),
    expireTimeFrom: toWireTime('expires from', filter.expireTimeFromMs),
    expireTimeBefore: toWireTime('expires before', filter.expireTimeBeforeMs),
    expires: filter.expires,
    application,
    model,
    tokenizer,
    idPrefix,
    metadata: checkedMetadata('filter.metadata', metadata),
    createTimeFrom: toWireTime('from', filter.createTimeFromMs),
    createTimeBefore: toWireTime('before', filter.createTimeBeforeMs),
    minTokens: tokensMin === undefined ? undefined : toUint64('tokens at least', tokensMin),
    maxTokens: tokensMax === undefined ? undefined : toUint64('tokens at most', tokensMax),
  };
}

export function fromWireStore(response: W.StoreConversationResponse | W.AppendMessagesResponse): StoreResult {
  return {
    conversation: fromWireConversation(response.conversation),
    totalSegments: fromUint64('total_segments', response.totalSegments),
    newSegments: fromUint64('new_segments', response.newSegments),
    dedupedSegments: fromUint64('deduped_segments', response.dedupedSegments),
    newTokens: fromUint64('new_tokens', response.newTokens),
    storedBytes: fromUint64('stored_bytes', response.storedBytes),
    unchanged: 'unchanged' in response && response.unchanged,
  };
}

export function fromWireConversation(wire: W.Conversation | null): Conversation {
  if (wire === null) throw new ClientError(status.INTERNAL, 'the response has no conversation', undefined);
  return {
    id: wire.id,
    application: wire.application,
    model: wire.model,
    tokenizer: wire.tokenizer,
    parentId: wire.parentId,
    expireTimeMs: fromWireTime('expire_time', wire.expireTime),
    metadata: wire.metadata,
    revision: fromUint64('revision', wire.revision),
    totalTokens: fromUint64('total_tokens', wire.totalTokens),
    messageCount: wire.messageCount,
    createTimeMs: fromWireTime('create_time', wire.createTime) ?? 0,
    // A server of before store times had no others.
    storeTimeMs: fromWireTime('store_time', wire.storeTime ?? wire.createTime) ?? 0,
    updateTimeMs: fromWireTime('update_time', wire.updateTime) ?? 0,
  };
}

function fromWireMessage(wire: W.MessageInfo): MessageDescription {
  const { role, name, toolCallId, fieldsJson, attachments } = wire;
  const tokenCount = fromUint64('token_count', wire.tokenCount);
  return {
    ...{ role, name, toolCallId, tokenCount },
    ...(fieldsJson !== '' && { fieldsJson }),
    ...(attachments.length > 0 && { attachments: attachments.map(fromWireAttachment) }),
  };
}

function fromWireAttachment({ sha256, sizeBytes }: W.AttachmentInfo): AttachmentInfo {
  return { sha256, sizeBytes: fromUint64('size_bytes', sizeBytes) };
}

export function fromWireDamaged({ id, status }: W.DamagedConversation): DamagedConversation {
  return { id, error: itemError(status)! };
}

export function fromWireMessageInfo(wire: W.MessageInfo): MessageWithSegments {
  return { ...fromWireMessage(wire), segments: wire.segments };
}

export const wireEncodings = {
  text: 'ENCODING_TEXT',
  tokens: 'ENCODING_LE32',
} as const satisfies Record<Encoding, Q.Encoding>;

const wireFields = {
  application: 'CONDITION_FIELD_APPLICATION',
  model: 'CONDITION_FIELD_MODEL',
  tokenizer: 'CONDITION_FIELD_TOKENIZER',
  parentId: 'CONDITION_FIELD_PARENT_ID',
  metadata: 'CONDITION_FIELD_METADATA',
} as const satisfies Record<string, Q.ConditionField>;

export const wireOrders = {
  newestFirst: 'LIST_ORDER_NEWEST_FIRST',
  oldestFirst: 'LIST_ORDER_OLDEST_FIRST',
  latestUpdateFirst: 'LIST_ORDER_LATEST_UPDATE_FIRST',
  earliestUpdateFirst: 'LIST_ORDER_EARLIEST_UPDATE_FIRST',
  latestStoreFirst: 'LIST_ORDER_LATEST_STORE_FIRST',
  earliestStoreFirst: 'LIST_ORDER_EARLIEST_STORE_FIRST',
} as const satisfies Record<string, Q.ListOrder>;

/** Reads a chunk's content, by encoding. */
export const contentOf: { readonly [E in Encoding]: (chunk: W.Chunk) => ContentForms[E] | undefined } = {
  text: (chunk) => (chunk.content === 'text' ? chunk.text : undefined),
  tokens: (chunk) => (chunk.content === 'tokensLe32' ? fromLe32(chunk.tokensLe32) : undefined),
};

export function fromWireChunk<E extends Encoding>(encoding: E, wire: W.Chunk): Chunk<E> {
  return {
    kind: 'chunk',
    messageIndex: wire.messageIndex,
    tokenOffset: fromUint64('token_offset', wire.tokenOffset),
    content: contentOf[encoding](wire),
    ...(wire.textTokensLe32.length > 0 && { tokens: fromLe32(wire.textTokensLe32) }),
    ...(wire.textTokenEnds.length > 0 && { tokenEnds: wire.textTokenEnds }),
    endOfMessage: wire.endOfMessage,
    replaced: wire.replaced,
    message: wire.message === null ? undefined : fromWireMessage(wire.message),
  };
}
