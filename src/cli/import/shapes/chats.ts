import { isMessage } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';
import { areTurns } from './turns.js';

/** Shapes whose line is a list of messages, and what was asked with it. */
export const chatShapes: readonly Shape[] = [
  {
    name: 'anthropic',
    title: 'Anthropic Messages: system beside the messages, content blocks',
    recognise: (line) =>
      isList(line['messages']) && (hasSystem(line) || line['messages'].some(hasBlocks)) && !isResult(line),
    read: (line, { documents, zone }) => ({
      spec: specOf(line, ['id'], zone),
      document: documents.inside(line, 'user', ''),
    }),
  },
  {
    name: 'openai-chat',
    title: 'OpenAI chat: messages, with tools and other request fields',
    recognise: (line) => isList(line['messages']) && !isResult(line) && !isNested(line['messages']),
    read: (line, { documents, zone }) => ({
      spec: specOf(line, ['id'], zone),
      document: withValues(documents.keep(line) as JsonObject, [
        ['messages', documents.list(line['messages'] as readonly Json[], 'messages')],
      ]),
    }),
  },
  {
    name: 'sharegpt',
    title: 'ShareGPT: conversations of from and value',
    recognise: (line) => ['conversations', 'conversation', 'items'].some((key) => isShareGpt(line[key])),
    read: (line, { documents, zone }) => {
      const system = valueOf(line, 'system');
      const key = ['conversations', 'conversation', 'items'].find((each) => isShareGpt(line[each]))!;
      const first: [string, Json][] =
        typeof system === 'string' ? [['system', documents.text('system', system)]] : [];
      const list: [string, Json] = [key, documents.list(line[key] as readonly Json[], key)];
      return {
        spec: specOf(line, ['id', 'conversation_id'], zone),
        document: withValues(documents.keep(line) as JsonObject, [...first, list]),
      };
    },
  },
  {
    name: 'gemini',
    title: 'Gemini: contents of parts',
    recognise: (line) =>
      isList(line['contents']) || (isObject(line['request']) && isList(line['request']['contents'])),
    read: (line, { documents, zone }) => ({
      spec: specOf(line, ['id', 'key'], zone),
      document: documents.inside(line, 'user', ''),
    }),
  },
];

/** True for lists of lists, of texts, and of turns without a speaker, which other shapes read. */
function isNested(messages: readonly Json[]): boolean {
  if (areTurns(messages)) return true;
  return messages.length > 0 && messages.every((item) => typeof item === 'string' || isList(item));
}

function hasSystem(line: JsonObject): boolean {
  const system = valueOf(line, 'system');
  return (typeof system === 'string' && system !== '') || (isList(system) && system.every(isObject));
}

const blockTypes = new Set(['thinking', 'redacted_thinking', 'tool_use', 'tool_result', 'server_tool_use']);

function hasBlocks(message: Json): boolean {
  const content = isObject(message) ? message['content'] : undefined;
  return (
    isList(content) &&
    content.some(
      (block) =>
        isObject(block) &&
        (blockTypes.has(textOf(block, 'type') ?? '') ||
          isObject(block['source']) ||
          isObject(block['cache_control'])),
    )
  );
}

/** True for a line that has answers beside its messages. */
function isResult(line: JsonObject): boolean {
  return ['choices', 'response', 'output', 'completion', 'outputs'].some((key) => {
    const value = valueOf(line, key);
    return (isObject(value) || isList(value) || typeof value === 'string') && value !== '';
  });
}

function isShareGpt(value: Json | undefined): boolean {
  if (!isList(value) || value.length === 0) return false;
  const [first] = value;
  return isObject(first) && isMessage(first);
}
