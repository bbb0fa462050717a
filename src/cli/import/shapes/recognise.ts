import { isList, isObject, type Json, type JsonObject, valueOf } from './json.js';
import { readMessage, typesOfSpeakers } from './messages.js';
import { isOfOneModel } from './names.js';

/** Keys of the text of a message that has the replies to it. */
export const bodiesOfTrees = ['text', 'content'] as const;

export function hasReplies(value: Json): value is JsonObject {
  if (!isObject(value) || typeof valueOf(value, 'role') !== 'string') return false;
  const replies = valueOf(value, 'replies');
  return (
    isList(replies) &&
    replies.some(isMessage) &&
    bodiesOfTrees.some((key) => typeof valueOf(value, key) === 'string')
  );
}

/** Names of models, as providers write them. */
const modelName = /^(?=.*[a-z])(?=.*[\d/:-])[\w./:@-]+$/i;

/** True for a model that is named, and says nothing: "gpt-4o"; one of several, whatever its name is. */
export function namesModel(key: string, value: Json): boolean {
  if (typeof value !== 'string') return false;
  return key.toLowerCase() === 'model' ? modelName.test(value) : isOfOneModel(key) && /^\S+$/.test(value);
}

/** True for JSON that is no answer of a model by chance: a list of messages, or a request or answer. */
export function holdsMessages(value: Json): boolean {
  if (isList(value)) return value.length > 0 && value.every(isMessage);
  if (!isObject(value)) return false;
  return ['messages', 'choices', 'contents', 'candidates'].some((key) => isList(valueOf(value, key)));
}

export function saysSomething(value: Json | undefined): boolean {
  return value !== undefined && value !== null && (!isList(value) || value.length > 0);
}

export function isTextBlock(value: Json): boolean {
  if (!isObject(value) || typeof value['text'] !== 'string') return false;
  return value['type'] === 'text' || value['type'] === 'input_text' || value['type'] === 'output_text';
}

/** True for pairs of a speaker and what they say, null for nothing yet: FastChat has them as messages. */
export function areSpoken(list: readonly Json[]): list is readonly (readonly [string, string | null])[] {
  return (
    list.length > 0 &&
    list.every(
      (item) =>
        isList(item) &&
        item.length === 2 &&
        typeof item[0] === 'string' &&
        typesOfSpeakers.has(item[0].toLowerCase()) &&
        (item[1] === null || typeof item[1] === 'string'),
    )
  );
}

export function isPairOfTexts(value: Json): value is readonly [string, string] {
  return isList(value) && value.length === 2 && value.every((item) => typeof item === 'string');
}

/** True for what is most likely a message: it has a role, and something that is said. */
export function isMessage(value: Json): boolean {
  return isObject(value) && readMessage(value, (kept) => kept) !== undefined;
}

export function whyNoMessage(value: Json): string {
  if (!isObject(value)) return 'it is no object';
  return typeof value['role'] === 'string' ? 'it says nothing' : 'it has no role';
}
