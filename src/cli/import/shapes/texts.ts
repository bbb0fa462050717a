import { isMessage, namesModel } from './documents.js';
import { isList, isObject, type Json, type JsonObject, keyLike, withValues } from './json.js';
import type { Reading, Shape } from './shape.js';
import { specOf } from './spec.js';

/** Reads texts, and lists of messages, under these keys, in this order. */
function readTexts(
  line: JsonObject,
  { documents, zone }: Reading,
  keys: readonly (readonly [key: string, role: string])[],
  idKeys: readonly string[] = ['id'],
): ReturnType<Shape['read']> {
  const taken = keys.flatMap(([name, role]): [string, Json][] => {
    const key = keyLike(line, name);
    const value = key === undefined ? undefined : line[key];
    if (key === undefined || value === undefined || value === null || (value === '' && role !== 'user'))
      return [];
    if (typeof value === 'string') return [[key, documents.text(role, value)]];
    const text = isObject(value) ? value['text'] : undefined;
    if (typeof text !== 'string') return [[key, documents.document(value, role, key)]];
    const kept = documents.keep(value) as JsonObject;
    return [[key, withValues(kept, [['text', documents.text(role, text)]])]];
  });
  return {
    spec: specOf(line, idKeys, zone),
    document: withValues(documents.keep(line) as JsonObject, taken),
  };
}

/** Shapes of data sets: texts with a name each. */
export const textShapes: readonly Shape[] = [
  {
    name: 'preference',
    title: 'prompt, chosen and rejected: texts or messages',
    recognise: (line) => isSaid(line, 'chosen') && isSaid(line, 'rejected'),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        ['prompt', 'user'],
        ['question', 'user'],
        ['input', 'user'],
        ['chosen', 'assistant'],
        ['rejected', 'assistant'],
      ]),
  },
  {
    name: 'alpaca',
    title: 'instruction, input and output',
    recognise: (line) => isText(line, 'instruction') && (isText(line, 'output') || isText(line, 'response')),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        ['history', 'user'],
        ['instruction', 'user'],
        ['input', 'user'],
        ['context', 'user'],
        ['output', 'assistant'],
        ['response', 'assistant'],
      ]),
  },
  {
    name: 'prompt-completion',
    title: 'prompt and completion, or question and answer',
    recognise: (line) => pairsOfTexts.some(([asked, said]) => isSaid(line, asked) && isSaid(line, said)),
    read: (line, reading) => {
      const [asked, said] = pairsOfTexts.find((pair) => pair.every((key) => isSaid(line, key)))!;
      return readTexts(line, reading, [
        ['system', 'system'],
        ['system_prompt', 'system'],
        [asked, 'user'],
        [said, 'assistant'],
      ]);
    },
  },
  {
    name: 'verl',
    title: 'verl dumps: input, output and score of a rollout',
    recognise: (line) => isText(line, 'input') && isText(line, 'output'),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['input', 'user'],
        ['output', 'assistant'],
      ]),
  },
  {
    name: 'text',
    title: 'one text',
    recognise: (line) => aloneTexts.some((key) => isText(line, key)),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        [aloneTexts.find((key) => isText(line, key))!, 'text'],
      ]),
  },
  {
    name: 'named-pair',
    title: 'two texts whose names say who asks and who answers: user_message, model_response',
    recognise: (line) => namedPair(line) !== undefined,
    read: (line, reading) => {
      const [asks, says] = namedPair(line)!;
      return readTexts(line, reading, [
        ...Object.keys(line)
          .filter(isOfSystem)
          .map((key) => [key, 'system'] as const),
        [asks, 'user'],
        [says, 'assistant'],
      ]);
    },
  },
  {
    name: 'prompt',
    title: 'a prompt or question without its answer',
    recognise: (line) => asked.some((key) => isText(line, key)),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        ['system_prompt', 'system'],
        [asked.find((key) => isText(line, key))!, 'user'],
      ]),
  },
  {
    name: 'answer',
    title: 'an answer without its prompt: completion, response, answer or output',
    recognise: (line) => answered.some((key) => isText(line, key)),
    read: (line, reading) =>
      readTexts(line, reading, [[answered.find((key) => isText(line, key))!, 'assistant']]),
  },
];

const wordsOfAsking = new Set(
  'prompt question instruction query problem input user human patient prompter student'.split(' '),
);
const wordsOfSaying = new Set(
  'response answer output completion reply solution assistant bot model doctor generation continuation teacher'.split(
    ' ',
  ),
);
const wordsOfText = new Set(['message', 'text', 'content', 'turn', 'utterance']);
const wordsOfOrders = new Set(['prompt', 'instruction', 'instructions']);
/** Words of two letters behind a name that are no language: "question_id". */
const noLanguages = new Set(['id', 'no', 'nr', 'ts', 'at', 'by']);

/** Returns the first names of texts that ask, and that answer, by a word in them. */
function namedPair(line: JsonObject): readonly [string, string] | undefined {
  const names = Object.keys(line).filter(
    (key) => isText(line, key) && !isOfSystem(key) && !namesModel(key, line[key]!),
  );
  const asks =
    names.find((name) => asked.some((each) => each === name.toLowerCase())) ??
    names.find((name) => isNamed(name, wordsOfAsking));
  const says = names.find((name) => name !== asks && isNamed(name, wordsOfSaying));
  return asks === undefined || says === undefined ? undefined : [asks, says];
}

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_.-]+/);
}

/** True for the name of a text that says what the model is to do: "system", "systemPrompt". */
function isOfSystem(name: string): boolean {
  const [first, ...others] = wordsOf(name);
  return first === 'system' && others.every((word) => wordsOfText.has(word) || wordsOfOrders.has(word));
}

/** True if the last word of a name is one of these, or the first one, of a text: "userMessage". */
function isNamed(name: string, these: ReadonlySet<string>): boolean {
  const words = wordsOf(name);
  const last = words.at(-1)!;
  return these.has(last) || (wordsOfText.has(last) && these.has(words[0]!)) || isLocal(words, these);
}

/** True for a name with a language behind it: "instruction_zh". */
function isLocal(words: readonly string[], these: ReadonlySet<string>): boolean {
  const [name, language] = words.slice(-2);
  return language?.length === 2 && !noLanguages.has(language) && these.has(name!);
}

const aloneTexts = ['text', 'chat', 'content', 'dialogue'] as const;

const answered = [
  'completion',
  'response',
  'answer',
  'output',
  'generated_text',
  'generation',
  'prediction',
  'model_patch',
] as const;

const asked = ['prompt', 'question', 'instruction', 'query', 'problem', 'problem_statement'] as const;

const pairsOfTexts = [
  ['prompt', 'completion'],
  ['prompt', 'response'],
  ['prompt', 'output'],
  ['prompt', 'answer'],
  ['prompt', 'text'],
  ['question', 'answer'],
  ['question', 'response'],
  ['query', 'response'],
  ['query', 'answer'],
  ['query', 'answers'],
  ['question', 'answers'],
  ['prompt', 'responses'],
  ['prompt', 'completions'],
  ['problem', 'solution'],
  ['user', 'assistant'],
  ['human', 'assistant'],
  ['input_text', 'output_text'],
  ['text_input', 'output'],
  ['prompt', 'canonical_solution'],
  ['prompt', 'target'],
  ['prompt', 'solution'],
  ['question', 'solution'],
  ['problem', 'answer'],
  ['problem', 'generated_solution'],
  ['query', 'output'],
  ['input', 'response'],
  ['input', 'target'],
  ['inputs', 'targets'],
  ['source', 'target'],
  ['src', 'tgt'],
  ['user_input', 'response'],
  ['message', 'response'],
  ['context', 'response'],
  ['article', 'summary'],
  ['article', 'highlights'],
  ['document', 'summary'],
  ['dialogue', 'summary'],
  ['text', 'summary'],
  ['post', 'summary'],
  ['human', 'bot'],
  ['human', 'ai'],
  ['user', 'bot'],
  ['user', 'model'],
  ['q', 'a'],
  ['input', 'ideal'],
  ['input', 'expected'],
  ['input', 'answer'],
  ['input', 'completion'],
  ['inputs', 'outputs'],
  ['instruction', 'completion'],
  ['instruction', 'answer'],
  ['question', 'output'],
  ['question', 'completion'],
  ['task', 'answer'],
  ['prompt', 'continuation'],
  ['prompt', 'generated_text'],
] as const;

function isText(line: JsonObject, name: string): boolean {
  return typeof valueLike(line, name) === 'string';
}

/** Line whose keys are known, and its values by their names in small letters: each shape asks for many. */
let known: { readonly line: JsonObject; readonly values: ReadonlyMap<string, Json> } | undefined;

function valueLike(line: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(line, name)) return line[name];
  if (known?.line !== line) known = { line, values: valuesByName(line) };
  return known.values.get(name);
}

/** Returns the values of keys that have capital letters. */
function valuesByName(line: JsonObject): ReadonlyMap<string, Json> {
  const values = new Map<string, Json>();
  for (const key of Object.keys(line)) {
    const name = key.toLowerCase();
    if (name !== key && !values.has(name)) values.set(name, line[key]!);
  }
  return values;
}

/** True for a text, for a list of them, and for a list of messages. */
function isSaid(line: JsonObject, name: string): boolean {
  const value = valueLike(line, name);
  if (typeof value === 'string') return !namesModel(name, value);
  // A text with what was found out about it.
  if (isObject(value)) return typeof value['text'] === 'string' && value['role'] === undefined;
  if (!isList(value) || value.length === 0) return false;
  return value.every(isMessage) || value.every((item) => typeof item === 'string');
}
