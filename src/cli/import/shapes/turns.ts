import type { Documents } from './documents.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { isOfSaying } from './names.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';

/** Keys of lists of texts that are said in turn. */
const keysOfTurns = [
  'messages',
  'data',
  'dialog',
  'dialogue',
  'turns',
  'utterances',
  'conversation',
  'conversations',
  'log',
] as const;

/** Keys of the text of a turn that names no speaker. */
const keysOfText = ['text', 'utterance', 'message'] as const;

/** Keys of a turn that name its speaker: it is a message then. */
const keysOfSpeakers = ['role', 'from', 'speaker', 'author', 'sender', 'user', 'source', 'type'] as const;

/** Keys of lines whose turns are all of the user: questions that a benchmark asks one after the other. */
const keysOfBenchmarks = ['question_id', 'prompt_id', 'category', 'reference', 'cluster'] as const;

/** A list of texts, said by two in turn. */
export const turnsShape: Shape = {
  name: 'turns',
  title: 'texts in turn, of a user and an assistant: data, dialog or turns',
  recognise: (line) => keyOfTurns(line) !== undefined,
  read: (line, { documents, zone }) => {
    const key = keyOfTurns(line)!;
    const turns = readTurns(line[key] as readonly Json[], documents, areAllAsked(line, key));
    return {
      spec: specOf(line, ['id', 'dialogue_id', 'conversation_id'], zone),
      document: withValues(documents.keep(line) as JsonObject, [[key, turns]]),
    };
  },
};

/**
 * Takes texts, and objects with one each, of a user and an assistant in turn. Where each object also has a
 * text that is an answer by its name, that one answers the first.
 */
function readTurns(turns: readonly Json[], documents: Documents, areAsked = false): Json {
  const answered = keyOfAnswers(turns);
  return turns.map((turn, index) => {
    const role = areAsked || answered !== undefined || index % 2 === 0 ? 'user' : 'assistant';
    if (!isObject(turn)) return documents.text(role, turn);
    const key = keysOfText.find((each) => textOf(turn, each) !== undefined)!;
    const taken: [string, Json][] = [[key, documents.text(role, turn[key]!)]];
    if (answered !== undefined) taken.push([answered, documents.text('assistant', turn[answered]!)]);
    return withValues(documents.keep(turn) as JsonObject, taken);
  });
}

/** Returns the key of the answer that each turn has beside its text; undefined if there are several. */
function keyOfAnswers(turns: readonly Json[]): string | undefined {
  const [first] = turns;
  if (!isObject(first)) return undefined;
  const [key, ...others] = Object.keys(first).filter(
    (each) => isOfSaying(each) && turns.every((turn) => isObject(turn) && textOf(turn, each) !== undefined),
  );
  return others.length > 0 ? undefined : key;
}

/** Takes a document that is a list of texts in turn, or of such lists; undefined if it is none. */
export function readListedTurns(list: readonly Json[], documents: Documents): Json | undefined {
  if (areTexts(list)) return readTurns(list, documents);
  if (list.length === 0 || !list.every((each) => isList(each) && areTexts(each))) return undefined;
  return list.map((each) => readTurns(each as readonly Json[], documents));
}

function areTexts(list: readonly Json[]): boolean {
  return list.length > 0 && list.every((each) => typeof each === 'string');
}

/** True for a list of turns that name no speakers: objects with a text each. */
export function areTurns(value: Json | undefined): boolean {
  return isList(value) && value.length > 1 && value.every(isTurn);
}

function isTurn(value: Json): boolean {
  return (
    isObject(value) &&
    keysOfText.some((key) => textOf(value, key) !== undefined) &&
    keysOfSpeakers.every((key) => !Object.hasOwn(value, key))
  );
}

function keyOfTurns(line: JsonObject): string | undefined {
  return keysOfTurns.find((key) => {
    const value = valueOf(line, key);
    if (areTurns(value)) return true;
    return isList(value) && areTexts(value) && (value.length > 1 || areAllAsked(line, key));
  });
}

function areAllAsked(line: JsonObject, key: string): boolean {
  return key === 'turns' && keysOfBenchmarks.some((each) => Object.hasOwn(line, each));
}
