import { isList, isObject, type JsonObject, textOf, valueOf } from './json.js';
import type { SessionShape } from './session-shape.js';

/** Sessions of pi and OpenClaw: a line that names the session, then an event a line. */
const piShape: SessionShape = {
  name: 'pi',
  title: 'sessions of pi and OpenClaw: an event a line',
  recognise: (line) =>
    isOfSession(line) &&
    typeof valueOf(line, 'version') === 'number' &&
    textOf(line, 'id') !== undefined &&
    textOf(line, 'timestamp') !== undefined,
  continues: (line) =>
    !isOfSession(line) &&
    textOf(line, 'type') !== undefined &&
    textOf(line, 'id') !== undefined &&
    Object.hasOwn(line, 'timestamp'),
  sessionOf: (line) => (isOfSession(line) ? textOf(line, 'id') : undefined),
  messageKey: (line) => (isObject(valueOf(line, 'message')) ? 'message' : undefined),
  modelOf: (line) => {
    const message = valueOf(line, 'message');
    return (isObject(message) ? textOf(message, 'model') : undefined) ?? textOf(line, 'modelId');
  },
};

function isOfSession(line: JsonObject): boolean {
  return valueOf(line, 'type') === 'session';
}

/** Transcripts of Cursor's agents: who speaks, and a message of blocks, a line. No line names the session. */
const cursorShape: SessionShape = {
  name: 'cursor',
  title: "transcripts of Cursor's agents: role and message a line",
  recognise: isTurn,
  continues: (line) => isTurn(line) || valueOf(line, 'type') === 'turn_ended',
  sessionOf: () => undefined,
  messageKey: (line) => (isTurn(line) ? '' : undefined),
  modelOf: () => undefined,
};

function isTurn(line: JsonObject): boolean {
  const message = valueOf(line, 'message');
  return (
    textOf(line, 'role') !== undefined &&
    isObject(message) &&
    isList(valueOf(message, 'content')) &&
    !Object.hasOwn(message, 'role') &&
    !Object.hasOwn(line, 'content')
  );
}

export const agentSessionShapes: readonly SessionShape[] = [piShape, cursorShape];
