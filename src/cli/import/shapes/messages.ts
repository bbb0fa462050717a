import { isTokenId } from '../../../client/index.js';
import { extraFields, isEmpty, limits, seal } from '../../../model/index.js';
import { readAction } from './actions.js';
import { readBody } from './body.js';
import { chatDialect, dialectOf, rolesOfWords } from './dialects.js';
import {
  isLabel,
  isList,
  isObject,
  type Json,
  type JsonObject,
  textOf,
  valueOf,
  withValues,
} from './json.js';
import { markedSpeaker } from './marked.js';
import { isOfIdentifier } from './names.js';
import { withoutRawNumbers } from './raw-number.js';
import { holesOf, type Keep, keepObject, labelOf, type ReadMessage } from './read-message.js';
import { readItem } from './response-items.js';
import { hole, isLikeHoleKey } from './skeleton.js';

/** Reads a message of any known form; undefined if the value has none of them. */
export function readMessage(value: Json, keep: Keep, roleOfNone?: string): ReadMessage | undefined {
  const plain = withoutRawNumbers(value);
  const read = readPlain(plain, keep, roleOfNone);
  // The text has raw numbers as texts, and long roles cut: the message itself is kept.
  if (read === undefined || (plain === value && isLabel(read.message.role, limits.labelBytesMax)))
    return read;
  const message = { ...read.message, role: shortened(read.message.role) };
  return { ...read, message, skeleton: keep(value) };
}

/** Returns as much of a role as a server takes. */
function shortened(role: string): string {
  if (isLabel(role, limits.labelBytesMax)) return role;
  return Buffer.from(role)
    .subarray(0, limits.labelBytesMax)
    .toString()
    .replace(/\ufffd+$/, '');
}

function readPlain(value: Json, keep: Keep, roleOfNone?: string): ReadMessage | undefined {
  if (!isObject(value)) return undefined;
  const role = valueOf(value, 'role');
  if (isList(valueOf(value, 'parts'))) return readParts(value, keep, roleOfNone);
  const inner = readInner(value, keep);
  if (inner !== undefined) return inner;
  if (typeof role === 'string' && !bodyKeysBesideRole.some((key) => hasBody(value, key)))
    return readChat(value, role, keep);
  return (
    readItem(value, keep) ??
    readLangChain(value, keep) ??
    readSpoken(value, keep) ??
    readAuthored(value, keep) ??
    readMarked(value, keep)
  );
}

/** Reads an event whose message has no role: the event names who speaks, as Cursor's do. */
function readInner(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const inner = valueOf(value, 'message');
  if (!isObject(inner) || Object.hasOwn(inner, 'role') || Object.hasOwn(value, 'content')) return undefined;
  const content = valueOf(inner, 'content');
  const type = textOf(value, 'type') ?? '';
  const role = textOf(value, 'role') ?? (typesOfSpeakers.has(type.toLowerCase()) ? roleOf(type) : undefined);
  if (role === undefined || !(typeof content === 'string' || isList(content))) return undefined;
  const read = readChat(inner, role, keep);
  const skeleton = read.skeleton ?? hole('as', chatDialect);
  return { ...read, skeleton: withValues(keepObject(value, keep), [['message', skeleton]]) };
}

/** Reads a message of ChatGPT, whose author and content are objects. */
function readAuthored(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const author = valueOf(value, 'author');
  const role = isObject(author) ? textOf(author, 'role') : undefined;
  const content = valueOf(value, 'content');
  if (role === undefined || !isObject(content) || !isList(valueOf(content, 'parts'))) return undefined;
  const body = readBody(content['parts'], keep);
  const parts = withValues(keepObject(content, keep), holesOf('parts', body, []));
  const skeleton = withValues(keepObject(value, keep), [['content', parts]]);
  return {
    message: { role, name: '', toolCallId: '', content: seal({ content: body.said ?? '' }) },
    dialect: chatDialect,
    skeleton,
  };
}

/** Reads a message whose speaker a mark tells, such as `is_user`. */
function readMarked(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const marked = markedSpeaker(value);
  if (marked === undefined) return undefined;
  const { role, bodyKey } = marked;
  const body = readBody(value[bodyKey], keep);
  const name = labelOf(value, 'name', limits.labelBytesMax) ?? '';
  return {
    message: { role, name, toolCallId: '', content: seal({ content: body.said ?? '' }) },
    dialect: chatDialect,
    skeleton: withValues(keepObject(value, keep), holesOf(bodyKey, body, [])),
  };
}

/** Keys of the text of a message that has a role, but no content. */
const bodyKeysBesideRole = ['text', 'value', 'message', 'utterance', 'body'] as const;

function hasBody(message: JsonObject, key: string): boolean {
  return !Object.hasOwn(message, 'content') && typeof valueOf(message, key) === 'string';
}

const chatKeys = new Set<string>(['role', 'name', 'tool_call_id', 'content', 'tokens', ...extraFields]);

/** Reads a message with role and content, and whatever else chats have. */
function readChat(value: JsonObject, role: string, keep: Keep): ReadMessage {
  const name = labelOf(value, 'name', limits.labelBytesMax);
  const toolCallId = labelOf(value, 'tool_call_id', limits.toolCallIdBytesMax);
  const speaker = { role, name: name ?? '', toolCallId: toolCallId ?? '' };
  const plain =
    valueOf(value, 'role') === role &&
    name !== undefined &&
    toolCallId !== undefined &&
    Object.keys(value).every((key) => chatKeys.has(key));
  const tokens = valueOf(value, 'tokens');
  if (isTokens(tokens)) {
    const alone = plain && Object.keys(value).every((key) => key === 'tokens' || !saidKeys.has(key));
    const skeleton = alone ? undefined : withValues(keepObject(value, keep), [['tokens', hole('tokens')]]);
    return { message: { ...speaker, content: tokens }, dialect: chatDialect, skeleton };
  }
  const said = extrasOf(value);
  const isBare = said.length === 0 && !Object.hasOwn(value, 'content');
  const bare = isBare ? readBare(value, speaker, keep) : undefined;
  if (bare !== undefined) return bare;
  const body = readBody(valueOf(value, 'content'), keep);
  const hasExtras = said.length > 0;
  const content = body.said ?? (hasExtras ? null : '');
  const isSame =
    plain &&
    tokens === undefined &&
    (body.plain || (hasExtras && value['content'] === null)) &&
    extraFields.every((field) => !Object.hasOwn(value, field) || said.some(([each]) => each === field));
  const text = seal({ content, ...Object.fromEntries(said) });
  return {
    message: { ...speaker, content: text },
    dialect: chatDialect,
    skeleton: isSame ? undefined : withValues(keepObject(value, keep), holesOf('content', body, said)),
  };
}

/** Reads a message that says something under names of its own, such as a thought and an action. */
function readBare(
  value: JsonObject,
  speaker: Omit<ReadMessage['message'], 'content'>,
  keep: Keep,
): ReadMessage | undefined {
  const texts = Object.entries(value).filter(
    ([key, text]) =>
      key !== 'role' && typeof text === 'string' && /\S\s+\S/.test(text) && !isOfIdentifier(key),
  );
  const [first] = texts;
  if (first === undefined || texts.some(([key]) => isLikeHoleKey(key))) return undefined;
  const kept = keepObject(value, keep);
  const body = texts.length === 1 ? readBody(first[1], keep) : undefined;
  const holes =
    body !== undefined
      ? holesOf(first[0], body, [])
      : texts.map(([key], index): [string, Json] => [key, hole('said', 'content', index, key)]);
  const content = seal({ content: body?.said ?? texts.map(([key, text]) => ({ [key]: text })) });
  return { message: { ...speaker, content }, dialect: chatDialect, skeleton: withValues(kept, holes) };
}

const saidKeys = new Set<string>(['content', ...extraFields]);

/** Extras that are said: those that are not empty. */
function extrasOf(value: JsonObject): [string, Json][] {
  return extraFields.flatMap((field): [string, Json][] => {
    const extra = valueOf(value, field);
    if (extra === undefined || isEmpty(extra)) return [];
    return isSpoken(field, extra) ? [[field, extra]] : [];
  });
}

/** True if an extra is of the kind that its name promises; other values are kept as fields. */
function isSpoken(field: string, extra: Json): boolean {
  return field === 'reasoning' || field === 'thinking' ? typeof extra === 'string' : true;
}

const roleKeys = ['from', 'role', 'message.role', 'author', 'speaker', 'sender', 'user'] as const;
const bodyKeys = ['value', 'content', 'message.content', 'text', 'message', 'utterance', 'body'] as const;

/** Values by which "type" names a speaker. */
export const typesOfSpeakers: ReadonlySet<string> = new Set([
  'user',
  'human',
  'assistant',
  'ai',
  'bot',
  'agent',
  'system',
]);

const numberedRoleKeys = ['role', 'speaker', 'speaker_idx', 'speaker_id', 'from'] as const;

/** Values by which "source" names a speaker, as in the events of agents. */
const speakers = new Set(['user', 'agent', 'assistant', 'environment', 'system']);

/** True for an event of an agent, which names its speaker as its source. */
export function isEvent(value: JsonObject): boolean {
  return speakers.has(textOf(value, 'source') ?? '');
}

/** Reads a message that names its speaker and its text by other keys. */
function readSpoken(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const roleKey =
    roleKeys.find((key) => typeof valueOf(value, key) === 'string') ??
    (isEvent(value) ? 'source' : undefined) ??
    (typesOfSpeakers.has(textOf(value, 'type')?.toLowerCase() ?? '') ? 'type' : undefined) ??
    numberedRoleKeys.find((key) => typeof valueOf(value, key) === 'number');
  const bodyKey = bodyKeys.find((key) => Object.hasOwn(value, key));
  if (roleKey === 'source') {
    const action = readAction(value, value[roleKey] as string, keep);
    if (action !== undefined) return action;
  }
  if (roleKey === undefined || bodyKey === undefined) return undefined;
  const inBody = value[bodyKey]!;
  // An object is a text only where the speaker is one for certain.
  if (isObject(inBody) && !(roleKey === 'from' && bodyKey === 'value')) return undefined;
  const dialect = `${roleKey}/${bodyKey}`;
  // Two speakers may have numbers only: they are the roles then.
  const word = `${value[roleKey] as string | number}`;
  const role = roleKey === 'role' ? word : roleOf(word);
  const body = readBody(inBody, keep);
  const said = extrasOf(value);
  const isSame =
    body.plain &&
    typeof value[roleKey] === 'string' &&
    Object.keys(value).length === 2 &&
    (dialectOf(dialect).words[role] ?? role) === word;
  const text = seal({ content: body.said ?? (said.length > 0 ? null : ''), ...Object.fromEntries(said) });
  return {
    message: { role, name: '', toolCallId: '', content: text },
    dialect,
    // A text that would be sealed is not the text of the dialect.
    skeleton:
      isSame && text === body.said
        ? undefined
        : withValues(keepObject(value, keep), holesOf(bodyKey, body, said)),
  };
}

/** Returns the role that a word of a data set stands for. */
export function roleOf(word: string): string {
  const lower = word.toLowerCase();
  return Object.hasOwn(rolesOfWords, lower) ? rolesOfWords[lower]! : word;
}

/** Dialect of messages that have parts. */
const partsDialect = 'role/parts';

/** Returns the role of a message; that of one of opencode stands in an object beside its parts. */
export function roleOfParts(value: JsonObject): string | undefined {
  const info = valueOf(value, 'info');
  return textOf(value, 'role') ?? (isObject(info) ? textOf(info, 'role') : undefined);
}

/** Reads a message whose content is a list of parts, as Gemini has them. */
function readParts(value: JsonObject, keep: Keep, roleOfNone = 'user'): ReadMessage {
  const word = roleOfParts(value);
  const role = word === 'model' ? 'assistant' : (word ?? roleOfNone);
  const body = readBody(value['parts'], keep);
  const text = seal({ content: body.said ?? '' });
  return {
    message: { role, name: '', toolCallId: '', content: text },
    dialect: partsDialect,
    skeleton: withValues(keepObject(value, keep), holesOf('parts', body, [])),
  };
}

const langChainRoles: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  ai: 'assistant',
  assistant: 'assistant',
  gemini: 'assistant',
  aimessagechunk: 'assistant',
  system: 'system',
  tool: 'tool',
  function: 'function',
  chat: 'chat',
};

/** Reads a message of LangChain: as it is in a run, in a file, or serialized with its class. */
function readLangChain(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const key = ['kwargs', 'data'].find((each) => isObject(valueOf(value, each)));
  const inner = key === undefined ? value : (value[key] as JsonObject);
  if (!Object.hasOwn(inner, 'content')) return undefined;
  const className = isList(valueOf(value, 'id')) ? (value['id'] as readonly Json[]).at(-1) : undefined;
  const fromClass = typeof className === 'string' ? className.replace(/Message(Chunk)?$/, '') : undefined;
  const type = textOf(inner, 'type') ?? fromClass ?? textOf(value, 'type');
  const named = type?.toLowerCase() ?? '';
  const role = Object.hasOwn(langChainRoles, named) ? langChainRoles[named]! : undefined;
  if (role === undefined && key === undefined) return undefined;
  const read = readChat(inner, role ?? type ?? '', keep);
  const skeleton = read.skeleton ?? hole('as', chatDialect);
  return {
    ...read,
    skeleton: key === undefined ? skeleton : withValues(keepObject(value, keep), [[key, skeleton]]),
  };
}

export function isTokens(value: Json | undefined): value is readonly number[] {
  return isList(value) && value.every(isTokenId);
}
