import { isMessage, namesModel } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, keyLike, withValues } from './json.js';
import { isOfAsking, isOfSaying, isOfSpeaker, isOfSystem } from './names.js';
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
    recognise: (line) =>
      (isSaid(line, 'chosen') && isSaid(line, 'rejected')) ||
      (isList(line['messages']) && isSaid(line, 'messages') && isSaid(line, 'rejected_response')),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        ['messages', 'user'],
        ['conversations', 'user'],
        ['prompt', 'user'],
        ['question', 'user'],
        ['input', 'user'],
        ['chosen', 'assistant'],
        ['rejected', 'assistant'],
        ['rejected_response', 'assistant'],
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
        ...(isList(line['history']) ? ([['history', 'user']] as const) : []),
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
    title: 'texts whose names say who asks and who answers: user_message, model_response',
    recognise: (line) => namedPair(line) !== undefined,
    read: (line, reading) => {
      const { asks, says } = namedPair(line)!;
      return readTexts(line, reading, [
        ...Object.keys(line)
          .filter(isOfSystem)
          .map((key) => [key, 'system'] as const),
        [asks, 'user'],
        ...says.map((key) => [key, 'assistant'] as const),
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

/** Texts of a line by a word in their names. */
interface NamedPair {
  readonly asks: string;
  /** Names of the answers: there may be several to choose from. */
  readonly says: readonly string[];
}

/** Returns the first name of a text that asks, and those that answer. */
function namedPair(line: JsonObject): NamedPair | undefined {
  const names = Object.keys(line).filter(
    (key) => isText(line, key) && !isOfSystem(key) && !namesModel(key, line[key]!),
  );
  const asks =
    names.find((name) => asked.some((each) => each === name.toLowerCase())) ?? names.find(isOfAsking);
  const said = names.filter((name) => name !== asks && (isOfSaying(name) || isAnswer(name)));
  // A speaker that one word names says nothing if others answer.
  const telling = said.filter((name) => !isOfSpeaker(name) || /\s/.test(line[name] as string));
  const says = telling.length > 0 ? telling : said;
  return asks === undefined || says.length === 0 ? undefined : { asks, says };
}

function isAnswer(name: string): boolean {
  return answered.some((each) => each === name.toLowerCase());
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

const asked = [
  'prompt',
  'question',
  'instruction',
  'query',
  'problem',
  'problem_statement',
  'input',
] as const;

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
  ['question', 'query'],
  ['question', 'sql'],
  ['prompt', 'code'],
  ['text', 'code'],
  ['content', 'summary'],
  ['docstring', 'code'],
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
  if (isObject(value))
    return typeof value['text'] === 'string' ? value['role'] === undefined : isMessage(value);
  if (!isList(value) || value.length === 0) return false;
  return value.every(isMessage) || value.every((item) => typeof item === 'string');
}
