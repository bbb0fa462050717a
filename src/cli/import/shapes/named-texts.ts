import type { Documents } from './documents.js';
import { isMessage, namesModel } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, valueOf, withValues } from './json.js';
import {
  isOfChoices,
  isOfDetails,
  isOfIdentifier,
  isOfLabel,
  isOfLog,
  isOfSpeaker,
  isOfText,
  isOfTools,
  type Part,
  partOf,
} from './names.js';
import type { Shape } from './shape.js';
import { isLikeHoleKey } from './skeleton.js';
import { specOf } from './spec.js';

/** Depth to which a line is searched for texts. */
const depthMax = 6;

/** Words from which a text is sentences: fewer may be a name, a title or a date. */
const wordsMin = 4;
const word = /\p{L}{2}/u;
/** Letters from which it is, in scripts that have no spaces between words. */
const lettersInRow = /(?:[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}][^\p{L}]?){8}/u;
/** Words from which it is what is asked or answered, if its name says so. */
const wordsOfNamed = 2;
/** Characters of a text that are looked at. */
const lookedAt = 2000;

const roles: Readonly<Record<Part, string>> = { system: 'system', asks: 'user', says: 'assistant' };

/** Keys by which a line is one of a series, and more than the settings of something. */
const namesOfRecords = [
  'id',
  '_id',
  'idx',
  'index',
  'task_id',
  'question_id',
  'instance_id',
  'qid',
  'role',
] as const;

/** A line of texts in no other known shape: each is read by its name. */
export const namedTextsShape: Shape = {
  name: 'texts',
  title: 'any other line with sentences, or with a question and its answers',
  recognise: (line) => {
    const { asks, says, sentences, phrases } = tally(line);
    if (asks + says > 1) return true;
    if (isOfLog(line)) return false;
    // An answer may have its question elsewhere, which the line names.
    return sentences + phrases > 0 || (isOfSeries(line) && (says > 0 || keyOfValue(line) !== undefined));
  },
  read: (line, { documents, zone }) => {
    const spec = specOf(line, ['id', 'uuid', 'conversation_id'], zone);
    const document = readTexts(line, undefined, documents);
    const key = documents.messages.length === 0 ? keyOfValue(line) : undefined;
    if (key === undefined) return { spec, document };
    const said = documents.text('assistant', line[key]!);
    return { spec, document: withValues(document as JsonObject, [[key, said]]) };
  },
};

function isOfSeries(line: JsonObject): boolean {
  return namesOfRecords.some((key) => Object.hasOwn(line, key));
}

/** Keys of answers that are values and no texts, such as calls of functions. */
const keysOfValues = [
  'ground_truth',
  'answer',
  'answers',
  'output',
  'function_call',
  'function_calls',
  'tool_calls',
] as const;

function keyOfValue(line: JsonObject): string | undefined {
  return keysOfValues.find((key) => {
    const value = valueOf(line, key);
    return isList(value) ? value.length > 0 : isObject(value) && Object.keys(value).length > 0;
  });
}

/** True for a line that says more than the one text that another shape would read of it. */
export function saysMore({ name }: Shape, line: JsonObject): boolean {
  const { asks, says, sentences, named } = tally(line);
  // A title beside a text of a corpus is not a part of it.
  if (name === 'text') return named > 0;
  const others = sentences - named;
  return asks + says > 1 || others > 0;
}

/**
 * True for sentences that are asked or answered by their names, and for a question with an answer: settings
 * of a program have neither.
 */
export function isSaid(line: JsonObject): boolean {
  const { asks, says, named } = tally(line);
  return named > 0 || (asks > 0 && says > 0);
}

/** True for text of at least a few words. */
export function isSentence(text: string, least = wordsMin): boolean {
  const begin = text.slice(0, lookedAt);
  let words = 0;
  for (const each of begin.split(/\s+/)) {
    if (word.test(each)) words++;
    if (words === least) return true;
  }
  return lettersInRow.test(begin);
}

/** Texts of a line, by what their names say of them. */
interface Tally {
  asks: number;
  says: number;
  sentences: number;
  /** Sentences among those that ask or say. */
  named: number;
  /** Those of them that have at least a few words. */
  phrases: number;
}

function tally(line: JsonObject): Tally {
  const found: Tally = { asks: 0, says: 0, sentences: 0, named: 0, phrases: 0 };
  eachText(line, undefined, 0, (text, part) => {
    const isNamed = part === 'asks' || part === 'says';
    if (isNamed) {
      found[part]++;
      if (isSentence(text, wordsOfNamed)) found.phrases++;
    }
    if (!isSentence(text)) return;
    found.sentences++;
    if (isNamed) found.named++;
  });
  return found;
}

/** Visits the texts of a value that become messages if the line is read. */
function eachText(
  value: Json,
  part: Part | undefined,
  depth: number,
  visit: (text: string, part: Part | undefined) => void,
): void {
  if (typeof value === 'string') {
    if (isRead(value, part)) visit(value, part);
  } else if (isList(value)) {
    if (depth < depthMax) for (const item of value) eachText(item, part, depth + 1, visit);
  } else if (isObject(value) && depth < depthMax) {
    for (const [key, item] of Object.entries(value))
      if (mayBeRead(key, item)) eachText(item, partIn(key, item, part), depth + 1, visit);
  }
}

/** Takes the texts of a value, and lists of messages, what is asked before what is answered. */
export function readTexts(value: Json, part: Part | undefined, documents: Documents, depth = 0): Json {
  if (typeof value === 'string') {
    if (!isRead(value, part)) return value;
    return documents.text(part === undefined ? 'text' : roles[part], value);
  }
  if (depth >= depthMax) return documents.keep(value);
  if (isList(value)) {
    if (value.length > 0 && value.every(isMessage)) return documents.list(value, '');
    return value.map((item) => readTexts(item, part, documents, depth + 1));
  }
  if (!isObject(value)) return value;
  const ordered = Object.entries(value)
    .filter(([key, item]) => mayBeRead(key, item))
    .map(([key, item]) => ({ key, item, own: partIn(key, item, part) }))
    .sort((a, b) => rankOf(a.own) - rankOf(b.own));
  const taken = ordered.map(({ key, item, own }): [string, Json] => [
    key,
    readTexts(item, own, documents, depth + 1),
  ]);
  return withValues(documents.keep(value) as JsonObject, taken);
}

function isRead(text: string, part: Part | undefined): boolean {
  return text !== '' && (part !== undefined || isSentence(text));
}

function mayBeRead(key: string, value: Json): boolean {
  if (isLikeHoleKey(key) || isOfIdentifier(key) || namesModel(key, value)) return false;
  if (typeof value !== 'string') return !isOfDetails(key) && !isOfTools(key);
  if (isOfLabel(key)) return isSentence(value, wordsOfNamed);
  return !isOfSpeaker(key) || isSentence(value);
}

/** Returns the part of a value: by its name, else, for sentences and texts, by a name around it. */
function partIn(key: string, value: Json, around: Part | undefined): Part | undefined {
  const own = isOfSpeaker(key) && typeof value !== 'string' ? undefined : partOf(key);
  if (own !== undefined || around === undefined || isOfChoices(key)) return own;
  return typeof value !== 'string' || isOfText(key) || isSentence(value) ? around : undefined;
}

function rankOf(part: Part | undefined): number {
  if (part === 'system') return 0;
  return part === 'says' ? 2 : 1;
}
