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
import type { SessionShape } from './session-shape.js';
import { literal } from './skeleton.js';
import { idOf } from './spec.js';

/** Chunks of an answer that was streamed: one of OpenAI's chat API a line. Their pieces are one message. */
export const streamShape: SessionShape = {
  name: 'openai-stream',
  title: 'streamed answers of OpenAI: a chat.completion.chunk a line',
  mayMingle: true,
  recognise: isChunk,
  continues: isChunk,
  // Servers that count their answers begin with the same numbers each time they start.
  ends: (line) => typeof valueOf(firstOf(line) ?? {}, 'finish_reason') === 'string',
  says: (line) => {
    const delta = valueOf(firstOf(line) ?? {}, 'delta');
    return isObject(delta) && (Object.hasOwn(delta, 'role') || textOf(delta, 'content') !== undefined);
  },
  sessionOf: (line) => idOf(line, ['id']),
  messageKey: () => undefined,
  modelOf: (line) => textOf(line, 'model') || undefined,
  pieceOf: (line, inPlace) => {
    const kept = literal(line) as JsonObject;
    const choices = line['choices'] as readonly Json[];
    const at = choices.findIndex((choice) => pieceIn(choice) !== undefined);
    if (at < 0) return kept;
    const choice = choices[at] as JsonObject;
    const delta = choice['delta'] as JsonObject;
    const piece = withValues(literal(delta) as JsonObject, [['content', inPlace(pieceIn(choice)!)]]);
    const whole = withValues(literal(choice) as JsonObject, [['delta', piece]]);
    const others = kept['choices'] as readonly Json[];
    return withValues(kept, [['choices', others.map((each, index) => (index === at ? whole : each))]]);
  },
};

function isChunk(line: JsonObject): boolean {
  const choices = valueOf(line, 'choices');
  if (!isList(choices) || !choices.every(isObject)) return false;
  return textOf(line, 'object') === 'chat.completion.chunk' && !Object.hasOwn(line, 'messages');
}

/** Returns the first choice of a chunk; undefined if it is about others. */
function firstOf(line: JsonObject): JsonObject | undefined {
  const choices = line['choices'] as readonly JsonObject[];
  return choices.find((choice) => (valueOf(choice, 'index') ?? 0) === 0);
}

/**
 * Returns the piece that the first choice says; undefined for others, and for one that says nothing. Half
 * of a pair of surrogates has no tokens.
 */
function pieceIn(choice: Json): string | undefined {
  if (!isObject(choice) || (valueOf(choice, 'index') ?? 0) !== 0) return undefined;
  const delta = valueOf(choice, 'delta');
  const piece = isObject(delta) ? textOf(delta, 'content') : undefined;
  return piece !== undefined && isLabel(piece, Infinity) ? piece : undefined;
}
