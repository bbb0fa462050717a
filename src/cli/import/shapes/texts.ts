import { isMessage } from './documents.js';
import { isList, type Json, type JsonObject, valueOf, withValues } from './json.js';
import type { Reading, Shape } from './shape.js';
import { specOf } from './spec.js';

/** Reads texts, and lists of messages, under these keys, in this order. */
function readTexts(
  line: JsonObject,
  { documents, zone }: Reading,
  keys: readonly (readonly [key: string, role: string])[],
  idKeys: readonly string[] = ['id'],
): ReturnType<Shape['read']> {
  const taken = keys.flatMap(([key, role]): [string, Json][] => {
    const value = valueOf(line, key);
    if (value === undefined || value === null || (value === '' && role !== 'user')) return [];
    const isText = typeof value === 'string';
    return [[key, isText ? documents.text(role, value) : documents.document(value, role, key)]];
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
    recognise: (line) => ['text', 'chat'].some((key) => isText(line, key)),
    read: (line, reading) =>
      readTexts(line, reading, [
        ['system', 'system'],
        [isText(line, 'text') ? 'text' : 'chat', 'text'],
      ]),
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
];

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
] as const;

function isText(line: JsonObject, key: string): boolean {
  return typeof valueOf(line, key) === 'string';
}

/** True for a text, for a list of them, and for a list of messages. */
function isSaid(line: JsonObject, key: string): boolean {
  const value = valueOf(line, key);
  if (typeof value === 'string') return true;
  if (!isList(value) || value.length === 0) return false;
  return value.every(isMessage) || value.every((item) => typeof item === 'string');
}
