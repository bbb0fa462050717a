import { isMessage } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import type { Reading, Shape } from './shape.js';
import { specOf } from './spec.js';

/** Shapes of chat programs: messages in a tree, of which one branch is shown. */
export const treeShapes: readonly Shape[] = [
  {
    name: 'open-webui',
    title: 'Open WebUI exports: chats with a history',
    recognise: (line) => {
      const chat = valueOf(line, 'chat');
      return isObject(chat) && (isObject(chat['history']) || isList(chat['messages']));
    },
    read: (line, reading) => {
      const chat = line['chat'] as JsonObject;
      const spec = specOf(line, ['id'], reading.zone);
      const models = valueOf(chat, 'models');
      const [model] = isList(models) ? models : [];
      return {
        spec: { ...spec, model: spec.model ?? (typeof model === 'string' ? model : undefined) },
        document: withValues(reading.documents.keep(line) as JsonObject, [['chat', readChat(chat, reading)]]),
      };
    },
  },
  {
    name: 'chatgpt',
    title: 'ChatGPT exports: a mapping of messages',
    recognise: (line) => isObject(valueOf(line, 'mapping')),
    read: (line, reading) => ({
      spec: specOf(line, ['conversation_id', 'id'], reading.zone),
      document: withValues(reading.documents.keep(line) as JsonObject, [
        ['mapping', readMapping(line['mapping'] as JsonObject, line['current_node'] ?? null, reading)],
      ]),
    }),
  },
];

/** Reads the list of messages, or the branch shown; what the history says again is written once. */
function readChat(chat: JsonObject, { documents }: Reading): JsonObject {
  const history = valueOf(chat, 'history');
  const listed = valueOf(chat, 'messages');
  const nodes = isObject(history) && isObject(history['messages']) ? history['messages'] : {};
  const kept = documents.keep(chat) as JsonObject;
  const isListed = isList(listed) && listed.length > 0 && listed.every(isMessage);
  const holes = new Map<string, Json>();
  if (isListed) {
    const first = documents.messages.length;
    const list = documents.list(listed, 'chat.messages');
    for (const [index, message] of listed.entries()) {
      const id = (message as JsonObject)['id'];
      if (typeof id === 'string' && sameJson(nodes[id], message))
        holes.set(id, documents.again(first + index));
    }
    return withValues(kept, [['messages', list], ...inHistory(history, nodes, holes)]);
  }
  if (!isObject(history)) return kept;
  for (const id of branchTo(nodes, history['currentId'] ?? null, 'parentId')) {
    const made = documents.message(nodes[id]!);
    if (made !== undefined) holes.set(id, made);
  }
  return withValues(kept, inHistory(history, nodes, holes));

  function inHistory(
    whole: Json | undefined,
    all: JsonObject,
    made: ReadonlyMap<string, Json>,
  ): [string, Json][] {
    if (!isObject(whole) || made.size === 0) return [];
    const messages = withValues(documents.keep(all) as JsonObject, made);
    return [['history', withValues(documents.keep(whole) as JsonObject, [['messages', messages]])]];
  }
}

/** Reads the branch that is shown; other branches are kept as they are. */
function readMapping(mapping: JsonObject, current: Json, { documents }: Reading): JsonObject {
  const taken = branchTo(mapping, current, 'parent').flatMap((id): [string, Json][] => {
    const node = valueOf(mapping, id);
    if (!isObject(node)) return [];
    const message = valueOf(node, 'message');
    if (!isObject(message)) return [];
    const { author, content } = message;
    if (!isObject(author) || typeof author['role'] !== 'string' || !isObject(content)) return [];
    // Code, and what it printed, are one text.
    const key = isList(content['parts']) ? 'parts' : 'text';
    if (key === 'text' && textOf(content, key) === undefined) return [];
    const said = documents.text(author['role'], content[key]!);
    const inContent = withValues(documents.keep(content) as JsonObject, [[key, said]]);
    const inMessage = withValues(documents.keep(message) as JsonObject, [['content', inContent]]);
    return [[id, withValues(documents.keep(node) as JsonObject, [['message', inMessage]])]];
  });
  return withValues(documents.keep(mapping) as JsonObject, taken);
}

/** Returns the ids from the root to a node; all of them if no node is current. */
function branchTo(nodes: JsonObject, current: Json, parentKey: string): string[] {
  if (typeof current !== 'string' || !Object.hasOwn(nodes, current)) return Object.keys(nodes);
  const ids = new Set<string>();
  for (let id: Json = current; typeof id === 'string' && !ids.has(id);) {
    const node: Json | undefined = valueOf(nodes, id);
    if (!isObject(node)) break;
    ids.add(id);
    id = node[parentKey] ?? null;
  }
  return [...ids].reverse();
}

function sameJson(a: Json | undefined, b: Json): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
