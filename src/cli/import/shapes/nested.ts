import { Documents } from './documents.js';
import { isMessage, namesModel } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { markedSpeaker } from './marked.js';
import { isEvent, roleOf, roleOfParts, typesOfSpeakers } from './messages.js';
import { isOfSaying, isOfSpeaker } from './names.js';
import type { Shape } from './shape.js';
import { isLikeHoleKey } from './skeleton.js';
import { specOf } from './spec.js';
import { turnsShape } from './turns.js';

/** A line that is a message: of a log that has one a line, or of an API that answers with one. */
export const messageShape: Shape = {
  name: 'message',
  title: 'a line that is a message itself: role and content',
  recognise: (line) => (namesSpeaker(line) || markedSpeaker(line) !== undefined) && isMessage(line),
  read: (line, { documents, zone }) => ({
    spec: specOf(line, ['id', 'uuid'], zone),
    document: documents.message(line)!,
  }),
};

function namesSpeaker(line: JsonObject): boolean {
  const isOfLangChain =
    typesOfSpeakers.has(textOf(line, 'type')?.toLowerCase() ?? '') || isList(valueOf(line, 'id'));
  if (isOfLangChain && isMessage(line) && ['data', 'kwargs'].some((key) => isObject(valueOf(line, key))))
    return true;
  const hasBody = ['content', 'parts', 'value', 'tool_calls', 'text', 'utterance', 'message'].some((key) =>
    Object.hasOwn(line, key),
  );
  if (!hasBody) return false;
  if (isList(valueOf(line, 'parts')) && roleOfParts(line) !== undefined) return true;
  if (['role', 'from'].some((key) => typeof valueOf(line, key) === 'string')) return true;
  const type = textOf(line, 'type')?.toLowerCase() ?? '';
  // Messages of AutoGen have a source, those of Slack a user.
  if (isEvent(line)) return /[a-z](?:message|event)$/.test(type);
  return typesOfSpeakers.has(type) || (type === 'message' && textOf(line, 'user') !== undefined);
}

/** A line that is an event of an agent: its source is who speaks. */
const eventShape: Shape = {
  name: 'event',
  title: 'an event of an agent, a line: source and message or content',
  recognise: (line) => isEvent(line) && isMessage(line),
  read: (line, { documents, zone }) => ({
    spec: specOf(line, [], zone),
    document: documents.message(line)!,
  }),
};

/** Shapes that are tried last: messages whose place in the line no other shape knows. */
export const nestedShapes: readonly Shape[] = [
  turnsShape,
  {
    name: 'columns',
    title: 'messages by column: a list of roles beside a list of texts',
    recognise: (line) => columnsOf(line) !== undefined,
    read: (line, { documents, zone }) => {
      const { key, columns, roleKey, bodyKey } = columnsOf(line)!;
      const roles = columns[roleKey] as readonly string[];
      const texts = (columns[bodyKey] as readonly Json[]).map((text, index) =>
        documents.text(roleOf(roles[index]!), text),
      );
      const filled = withValues(documents.keep(columns) as JsonObject, [[bodyKey, texts]]);
      return {
        spec: specOf(line, ['id', 'conversation_id'], zone),
        document: withValues(documents.keep(line) as JsonObject, [[key, filled]]),
      };
    },
  },
  {
    name: 'nested',
    title: 'messages anywhere else in a line',
    recognise: (line) => {
      // Messages are counted, and not kept: it does not matter how they would be written.
      const documents = new Documents(false);
      documents.anywhere(line, '');
      return documents.messages.length > 0;
    },
    read: (line, { documents, zone }) => {
      const before = readUnsaid(line, documents);
      const rest = documents.anywhere(line, '') as JsonObject;
      const after = Object.keys(line)
        .filter((key) => rest[key] === line[key] && isAnswer(key, line[key]!))
        .map((key): [string, Json] => [key, documents.text('assistant', line[key]!)]);
      return {
        spec: specOf(line, ['id', 'uuid', 'conversation_id'], zone),
        document: before.length + after.length === 0 ? rest : withValues(rest, [...before, ...after]),
      };
    },
  },
  eventShape,
];

/** True for a text beside the messages of a line that answers them: "response1". */
function isAnswer(key: string, value: Json): boolean {
  if (typeof value !== 'string' || value === '' || isLikeHoleKey(key)) return false;
  return isOfSaying(key.replace(/\d{1,3}$/, '')) && !namesModel(key, value) && !isOfSpeaker(key);
}

/** Keys of the columns of roles, and of texts, as data sets have them for a list of messages. */
const columnKeys = [
  ['role', 'content'],
  ['from', 'value'],
  ['role', 'value'],
  ['speaker', 'text'],
  ['role', 'text'],
] as const;

interface Columns {
  readonly key: string;
  readonly columns: JsonObject;
  readonly roleKey: string;
  readonly bodyKey: string;
}

/** Finds lists of roles and of texts of the same length, which stand for messages. */
function columnsOf(line: JsonObject): Columns | undefined {
  for (const [key, columns] of Object.entries(line)) {
    if (!isObject(columns) || isLikeHoleKey(key)) continue;
    const keys = columnKeys.find(([roleKey, bodyKey]) => {
      const [roles, bodies] = [valueOf(columns, roleKey), valueOf(columns, bodyKey)];
      if (!isList(roles) || !isList(bodies) || roles.length === 0) return false;
      return roles.length === bodies.length && roles.every((role) => typeof role === 'string');
    });
    if (keys !== undefined) return { key, columns, roleKey: keys[0], bodyKey: keys[1] };
  }
  return undefined;
}

/** Keys of a text that comes before the messages of a line, such as a task with several examples. */
const keysBefore = [
  ['system', 'system'],
  ['system_prompt', 'system'],
  ['instruction', 'user'],
  ['prompt', 'user'],
  ['question', 'user'],
  ['query', 'user'],
  ['problem', 'user'],
] as const;

/** Takes texts of a line that its messages do not say again. */
function readUnsaid(line: JsonObject, documents: Documents): [string, Json][] {
  const keys = keysBefore.filter(
    ([key]) => textOf(line, key) !== undefined && !/^\s*[[{]/.test(line[key] as string),
  );
  if (keys.length === 0) return [];
  const inside = new Documents(false);
  inside.anywhere(line, '');
  const said = new Set(inside.messages.map(({ content }) => content));
  return keys
    .filter(([key]) => !said.has(line[key] as string))
    .map(([key, role]) => [key, documents.text(role, line[key]!)]);
}
