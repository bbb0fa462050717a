import { Documents } from './documents.js';
import { isList, type Json, type JsonObject, valueOf, withValues } from './json.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';

/** Shapes that are tried last: messages whose place in the line no other shape knows. */
export const nestedShapes: readonly Shape[] = [
  {
    name: 'turns',
    title: 'texts in turn, of a user and an assistant: data, dialog or turns',
    recognise: (line) => keyOfTurns(line) !== undefined,
    read: (line, { documents, zone }) => {
      const key = keyOfTurns(line)!;
      const turns = (line[key] as readonly Json[]).map((text, index) =>
        documents.text(index % 2 === 0 ? 'user' : 'assistant', text),
      );
      return {
        spec: specOf(line, ['id'], zone),
        document: withValues(documents.keep(line) as JsonObject, [[key, turns]]),
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
    read: (line, { documents, zone }) => ({
      spec: specOf(line, ['id', 'uuid', 'conversation_id'], zone),
      document: documents.anywhere(line, ''),
    }),
  },
];

function keyOfTurns(line: JsonObject): string | undefined {
  return ['messages', 'data', 'dialog', 'dialogue', 'turns', 'conversation', 'conversations'].find((key) => {
    const value = valueOf(line, key);
    return isList(value) && value.length > 1 && value.every((turn) => typeof turn === 'string');
  });
}
