import type { Message } from '../../client/index.js';
import { type Conversation, escapeJson } from '../../model/index.js';
import {
  type DataOf,
  documentsOf,
  type Draft,
  type DraftMessage,
  isList,
  isObject,
  type Json,
  MissingMessage,
  parseExactly,
  saidInRoom,
  withoutRawNumbers,
  writeWithRawNumbers,
} from './shapes/index.js';

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
  /** Text before it was rendered, or encoded; see DraftMessage. The server reads it too. */
  readonly said?: string | readonly [from: number, to: number];
  /** True if that text was encoded as it is, with a tokenizer that may change it. */
  readonly encoded?: true;
  /** Shape and skeleton of the document that ended with this message or a later one. */
  readonly format?: string;
  readonly document?: Json;
  /** Rest of the document that had this one in a list. */
  readonly wrapper?: Json;
}

/** Returns the fields of a message to store, as JSON; undefined without any. */
export function fieldsOf(
  { content, fields, said }: DraftMessage,
  specialTokens: boolean,
  of: Pick<Draft, 'format' | 'document' | 'wrapper'> | undefined,
) {
  const kept: KeptFields = {
    ...(fields !== undefined && { message: fields }),
    ...formIn(content, said, specialTokens),
    ...(of !== undefined && { format: of.format, document: of.document }),
    ...(of?.wrapper !== undefined && { wrapper: of.wrapper }),
  };
  return Object.keys(kept).length === 0 ? undefined : JSON.stringify({ [importKey]: kept });
}

/** Returns the fields that tell how the content was said. */
function formIn(
  content: DraftMessage['content'],
  said: DraftMessage['said'],
  specialTokens: boolean,
): Pick<KeptFields, 'said' | 'encoded' | 'specials' | 'tokens'> {
  if (typeof content !== 'string') return said === undefined ? { tokens: true } : { said };
  return {
    ...(said !== undefined && ({ said, encoded: true } as const)),
    ...(specialTokens && ({ specials: true } as const)),
  };
}

function keptOf(fieldsJson: string | undefined): KeptFields {
  const fields = fieldsJson === undefined ? undefined : (JSON.parse(fieldsJson) as Json);
  const kept = isObject(fields) ? fields[importKey] : undefined;
  return isObject(kept) ? kept : {};
}

type StoredPart = Message<'text'> | Message<'tokens'>;

/** Returns the form that the content of a message had, if it is read in another one now. */
export function formOf({ fieldsJson, content }: StoredPart): 'tokens' | 'text' | undefined {
  const { tokens, specials, said } = keptOf(fieldsJson);
  // Text that is given by its place needs the text that it is in.
  if (Array.isArray(said)) return typeof content === 'string' ? undefined : 'text';
  if (tokens) return typeof content === 'string' ? 'tokens' : undefined;
  return specials && typeof content !== 'string' ? 'text' : undefined;
}

/** Returns the text of a message before it was rendered with a chat template; the content if it was not. */
export function saidOf({ fieldsJson, content }: StoredPart): StoredPart['content'] {
  const { said } = keptOf(fieldsJson);
  if (said === undefined || typeof said === 'string') return said ?? content;
  return typeof content === 'string' ? content.slice(...said) : content;
}

/** Returns what was kept of a message's text before it was rendered, as JSON; undefined if it was not. */
export function keptSaid({ fieldsJson }: StoredPart): string | undefined {
  const { said, encoded } = keptOf(fieldsJson);
  return encoded || said === undefined ? undefined : JSON.stringify(said);
}

/** Returns the text that a message was encoded of; its content if the tokenizer does not change it. */
export function encodedText({ fieldsJson, content }: StoredPart): StoredPart['content'] {
  const { said, encoded } = keptOf(fieldsJson);
  return encoded && typeof said === 'string' ? said : content;
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

/** True for a message that does not stand for a line without messages. */
export function isSaid({
  role,
  content,
}: {
  readonly role: string;
  readonly content: ArrayLike<unknown>;
}): boolean {
  return role !== '' || content.length > 0;
}

/** Returns whether a message was imported with its document, which this command can write. */
export function isOfDocument({ fieldsJson }: StoredPart): boolean {
  const { format, document } = keptOf(fieldsJson);
  return format !== undefined && document !== undefined;
}

/**
 * Returns the lines that a conversation was read from; undefined if it was not imported, or by an older
 * command, or if they do not have all of its messages: it was added to since, or is a fork of a beginning.
 */
export function sameLines(
  conversation: Conversation,
  messages: readonly StoredPart[],
  data: DataOf = new Map(),
): string[] | undefined {
  const kept = messages.map(({ fieldsJson }) => keptOf(fieldsJson));
  const last = kept.findLast(({ format }) => format !== undefined);
  if (last?.format === undefined || last.document === undefined) return undefined;
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  const expireTime = expireTimeMs === undefined ? '' : new Date(expireTimeMs).toISOString();
  const spec = { id, application, model, tokenizer, parent_id: parentId, expire_time: expireTime, metadata };
  const stored = messages.map((message, index) => {
    const { role, name, toolCallId } = message;
    const content = saidOf(message);
    return {
      ...{ role, name, toolCallId },
      content: typeof content === 'string' ? content : Array.from(content),
      fields: kept[index]!.message,
    };
  });
  let used = 0;
  const onUse = (end: number) => (used = Math.max(used, end));
  try {
    const lines = documentsOf(last.format, last.document, spec, stored, data, onUse);
    used = Math.max(used, saidInRoom(last.format, last.document));
    if (stored.slice(used).some(isSaid)) return undefined;
    return lines.map((line) => escapeJson(writeWithRawNumbers(line)));
  } catch (error) {
    if (error instanceof MissingMessage) return undefined;
    throw error;
  }
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
  const whole = line === undefined ? undefined : withoutRawNumbers(parseExactly(line));
  const restored = whole as { readonly tools: readonly Json[] } | undefined;
  return restored?.tools;
}

/** True if a document has values of its own, beside what its conversation and its messages have. */
export function hasValues(document: Json): boolean {
  if (isList(document)) return document.length > 0;
  if (!isObject(document)) return false;
  return Object.values(document).some((value) => value !== '' && value !== null && !isHole(value));
}

function isHole(value: Json): boolean {
  if (isList(value)) return value.length === 0;
  const parts = isObject(value) && Object.hasOwn(value, '$stowken') ? value['$stowken'] : undefined;
  return isList(parts) && !['data', 'joined', 'number', 'packed'].includes(parts[0] as string);
}
