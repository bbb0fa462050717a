import { isObject, type JsonObject, textOf, valueOf } from './json.js';
import { markedSpeaker } from './marked.js';
import type { SessionShape } from './session-shape.js';
import { idOf } from './spec.js';

/** Chats of SillyTavern: a line that names both who talk, then a message a line. */
export const sillyTavernShape: SessionShape = {
  name: 'sillytavern',
  title: 'SillyTavern chats: a line that names who talk, then a message a line',
  recognise: (line) =>
    textOf(line, 'user_name') !== undefined &&
    textOf(line, 'character_name') !== undefined &&
    !Object.hasOwn(line, 'mes'),
  continues: (line) => Object.hasOwn(line, 'mes') && markedSpeaker(line) !== undefined,
  // The first line of a chat ends the one before, if several are in a file.
  ends: (line) => Object.hasOwn(line, 'mes'),
  says: (line) => !Object.hasOwn(line, 'mes'),
  sessionOf: (line) => {
    const about = valueOf(line, 'chat_metadata');
    return (isObject(about) ? idOf(about, ['integrity']) : undefined) ?? nameOf(line);
  },
  messageKey: (line) => (Object.hasOwn(line, 'mes') ? '' : undefined),
  modelOf: () => undefined,
};

/** Returns the name that SillyTavern gives the file of a chat, which older ones have instead of an id. */
function nameOf(line: JsonObject): string | undefined {
  const [character, created] = [textOf(line, 'character_name'), textOf(line, 'create_date')];
  return character === undefined || created === undefined ? undefined : `${character} - ${created}`;
}
