import type { Message } from '../../client/index.js';
import { type Conversation, escapeJson } from '../../model/index.js';
import { documentsOf, type Draft, type DraftMessage, isList, isObject, type Json } from './shapes/index.js';

/** Key of what import keeps among the fields of a message. */
const importKey = 'import';

/** Shape of a line whose tools stand beside its messages as OpenAI's chat API has them. */
const chatFormat = 'openai-chat';

/** Fields of one message, as import keeps them. */
interface KeptFields {
  /** Skeleton of the message; absent if it is what its dialect says. */
  readonly message?: Json;
  /** True if the content was token ids. */
  readonly tokens?: true;
  /** True if text of special tokens became these tokens: text it was all the same. */
  readonly specials?: true;
  /** Shape and skeleton of the document that ended with this message or a later one. */
  readonly format?: string;
  readonly document?: Json;
}

/** Returns the fields of a message to store, as JSON; undefined without any. */
export function fieldsOf(
  { content, fields }: DraftMessage,
  specialTokens: boolean,
  of: Pick<Draft, 'format' | 'document'> | undefined,
) {
  const kept: KeptFields = {
    ...(fields !== undefined && { message: fields }),
    ...(typeof content !== 'string' ? { tokens: true } : specialTokens && { specials: true }),
    ...(of !== undefined && { format: of.format, document: of.document }),
  };
  return Object.keys(kept).length === 0 ? undefined : JSON.stringify({ [importKey]: kept });
}

function keptOf(fieldsJson: string | undefined): KeptFields {
  const fields = fieldsJson === undefined ? undefined : (JSON.parse(fieldsJson) as Json);
  const kept = isObject(fields) ? fields[importKey] : undefined;
  return isObject(kept) ? kept : {};
}

type StoredPart = Message<'text'> | Message<'tokens'>;

/** Returns the form that the content of a message had, if it is read in another one now. */
export function formOf({ fieldsJson, content }: StoredPart): 'tokens' | 'text' | undefined {
  const { tokens, specials } = keptOf(fieldsJson);
  if (tokens) return typeof content === 'string' ? 'tokens' : undefined;
  return specials && typeof content !== 'string' ? 'text' : undefined;
}

/** Returns whether text of special tokens became these tokens. */
export function hasSpecials({ fieldsJson }: StoredPart): boolean {
  return keptOf(fieldsJson).specials === true;
}

/** Returns the skeleton of a stored message, as JSON. */
export function skeletonOf({ fieldsJson }: StoredPart): string | undefined {
  const { message } = keptOf(fieldsJson);
  return message === undefined ? undefined : JSON.stringify(message);
}

/** Returns the last document that was stored with a conversation, as JSON. */
export function documentJsonOf(messages: readonly StoredPart[]): string | undefined {
  const kept = messages
    .map(({ fieldsJson }) => keptOf(fieldsJson))
    .findLast((each) => each.format !== undefined);
  return kept && JSON.stringify(kept.document);
}

/**
 * Returns the lines that a conversation was read from; undefined if it was not imported, or by an older
 * command.
 */
export function sameLines(conversation: Conversation, messages: readonly StoredPart[]): string[] | undefined {
  const kept = messages.map(({ fieldsJson }) => keptOf(fieldsJson));
  const last = kept.findLast(({ format }) => format !== undefined);
  if (last?.format === undefined || last.document === undefined) return undefined;
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  const expireTime = expireTimeMs === undefined ? '' : new Date(expireTimeMs).toISOString();
  const spec = { id, application, model, tokenizer, parent_id: parentId, expire_time: expireTime, metadata };
  const stored = messages.map(({ role, name, toolCallId, content }, index) => ({
    ...{ role, name, toolCallId },
    content: typeof content === 'string' ? content : Array.from(content),
    fields: kept[index]!.message,
  }));
  return documentsOf(last.format, last.document, spec, stored).map((line) =>
    escapeJson(JSON.stringify(line)),
  );
}

/**
 * Returns the tools that a request to a chat API had beside its messages, with which an imported conversation
 * was stored; undefined without any.
 */
export function toolsOf(
  conversation: Conversation,
  messages: readonly StoredPart[],
): readonly Json[] | undefined {
  const kept = messages.map(({ fieldsJson }) => keptOf(fieldsJson));
  const last = kept.findLast(({ format }) => format !== undefined);
  if (last?.format !== chatFormat || !isObject(last.document)) return undefined;
  const { tools } = last.document;
  if (!isList(tools) || tools.length === 0) return undefined;
  if (!JSON.stringify(tools).includes('$stowken')) return tools;
  // Values that look like marks of a skeleton are kept in another form.
  const [line] = sameLines(conversation, messages) ?? [];
  const restored = line === undefined ? undefined : (JSON.parse(line) as { readonly tools: readonly Json[] });
  return restored?.tools;
}

/** True if a document has values of its own, beside what its conversation and its messages have. */
export function hasValues(document: Json): boolean {
  if (isList(document)) return document.length > 0;
  if (!isObject(document)) return false;
  return Object.values(document).some((value) => value !== '' && value !== null && !isHole(value));
}

function isHole(value: Json): boolean {
  return isList(value) ? value.length === 0 : isObject(value) && Object.hasOwn(value, '$stowken');
}
