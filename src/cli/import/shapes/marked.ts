import { type JsonObject, textOf, valueOf } from './json.js';

/** Speaker of a message that marks it by a value, and the key of what is said. */
interface Marked {
  readonly role: 'user' | 'assistant';
  readonly bodyKey: string;
}

/** Keys of a mark that is true for what a person says: SillyTavern has the first. */
const keysOfMarks = ['is_user', 'isUser', 'from_user', 'fromUser'] as const;
const bodyKeys = ['mes', 'content', 'text', 'message'] as const;

/** Numbers by which Cursor's "type" names a speaker. */
const numbered: Readonly<Record<number, Marked['role']>> = { 1: 'user', 2: 'assistant' };

/** Returns who speaks in a message that has a mark in place of a role; undefined for any other. */
export function markedSpeaker(value: JsonObject): Marked | undefined {
  const bodyKey = bodyKeys.find((key) => typeof valueOf(value, key) === 'string');
  if (bodyKey === undefined) return undefined;
  const mark = keysOfMarks.find((key) => typeof valueOf(value, key) === 'boolean');
  if (mark !== undefined) return { role: value[mark] === true ? 'user' : 'assistant', bodyKey };
  const type = valueOf(value, 'type');
  const role =
    typeof type === 'number' && textOf(value, 'bubbleId') !== undefined ? numbered[type] : undefined;
  return role === undefined ? undefined : { role, bodyKey };
}
