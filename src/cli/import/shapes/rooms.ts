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
import type { Documents } from './documents.js';
import type { Shape } from './shape.js';
import { idOf, specOf } from './spec.js';
import { limits } from '../../../model/index.js';

/** Messages of a list that are looked at to tell what they are. */
const lookedAt = 20;

/** Shapes of rooms in which people, and programs, talk. */
export const roomShapes: readonly Shape[] = [
  {
    name: 'telegram',
    title: 'Telegram exports: a chat with its messages',
    recognise: (line) => haveAll(line, isOfTelegram),
    read: (line, { documents, zone }) => ({
      spec: specOf(line, ['id'], zone),
      document: readEach(line, documents, (message) => {
        const text = valueOf(message, 'text');
        if (text === undefined || valueOf(message, 'type') !== 'message') return undefined;
        const said = { role: 'user', name: labelAt(message, 'from'), text: plainText(text) };
        // A text in parts, such as links and bold words, is kept in them as well.
        return typeof text === 'string' ? { ...said, key: 'text' } : said;
      }),
    }),
  },
  {
    name: 'discord',
    title: 'DiscordChatExporter: a channel with its messages',
    recognise: (line) => isObject(valueOf(line, 'channel')) && haveAll(line, isOfDiscord),
    read: (line, { documents, zone }) => {
      const channel = line['channel'] as JsonObject;
      return {
        spec: { ...specOf(line, ['id'], zone), id: idOf(channel, ['id']) },
        document: readEach(line, documents, (message) => {
          const author = message['author'] as JsonObject;
          const role = author['isBot'] === true ? 'assistant' : 'user';
          return {
            ...{ role, name: labelAt(author, 'name'), text: message['content'] as string },
            key: 'content',
          };
        }),
      };
    },
  },
];

/**
 * Returns how many messages of a room its document has, whether they have a hole in it or not: texts in parts
 * have none.
 */
export function saidInRoom(format: string, document: Json): number {
  const messages = format === 'telegram' && isObject(document) ? valueOf(document, 'messages') : undefined;
  if (!isList(messages)) return 0;
  return messages.filter(
    (message) => isObject(message) && message['type'] === 'message' && Object.hasOwn(message, 'text'),
  ).length;
}

/** Text of one who speaks in a room. */
interface Said {
  readonly role: string;
  readonly name: string;
  readonly text: string;
  /** Key of the text in its message; undefined if that has it in another form. */
  readonly key?: string;
}

/** Takes the messages of a room. Others, such as that somebody came, are kept as they are. */
function readEach(
  line: JsonObject,
  documents: Documents,
  read: (message: JsonObject) => Said | undefined,
): JsonObject {
  const messages = (line['messages'] as readonly Json[]).map((message) => {
    const said = isObject(message) ? read(message) : undefined;
    if (said === undefined) return documents.keep(message);
    const made = documents.text(said.role, said.text, said.name);
    const kept = documents.keep(message) as JsonObject;
    return said.key === undefined ? kept : withValues(kept, [[said.key, made]]);
  });
  return withValues(documents.keep(line) as JsonObject, [['messages', messages]]);
}

function haveAll(line: JsonObject, isOne: (message: JsonObject) => boolean): boolean {
  const messages = valueOf(line, 'messages');
  if (!isList(messages) || messages.length === 0) return false;
  return messages.slice(0, lookedAt).every((message) => isObject(message) && isOne(message));
}

function isOfTelegram(message: JsonObject): boolean {
  const type = valueOf(message, 'type');
  if (typeof valueOf(message, 'id') !== 'number' || typeof valueOf(message, 'date') !== 'string')
    return false;
  return type === 'service' || (type === 'message' && Object.hasOwn(message, 'text'));
}

function isOfDiscord(message: JsonObject): boolean {
  const author = valueOf(message, 'author');
  return (
    typeof valueOf(message, 'content') === 'string' && isObject(author) && Object.hasOwn(author, 'isBot')
  );
}

function labelAt(object: JsonObject, key: string): string {
  const text = textOf(object, key) ?? '';
  return isLabel(text, limits.labelBytesMax) ? text : '';
}

/** Returns a text that may be in parts: texts, and objects with a text. */
function plainText(text: Json): string {
  if (typeof text === 'string') return text;
  if (isList(text)) return text.map(plainText).join('');
  return isObject(text) ? (textOf(text, 'text') ?? '') : '';
}
