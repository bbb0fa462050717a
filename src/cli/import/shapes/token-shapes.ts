import { isList, isObject, type Json, type JsonObject, valueOf, withValues } from './json.js';
import { isTokens } from './messages.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';

const promptKeys = ['prompt_token_ids', 'prompt_ids', 'input_ids', 'prompt_tokens', 'query_ids'] as const;
const answerKeys = [
  'token_ids',
  'response_ids',
  'output_ids',
  'completion_ids',
  'response_token_ids',
  'tokens',
] as const;

/** Shapes that have the token ids of what was asked, and of what was answered. */
export const tokenShapes: readonly Shape[] = [
  {
    name: 'token-ids',
    title: 'vLLM, SGLang and verl: token ids of prompt and answer',
    recognise: (line) =>
      firstOf(line, promptKeys) !== undefined ||
      firstOf(line, answerKeys) !== undefined ||
      hasTokens(line['outputs']) ||
      hasTokens(line['choices']),
    read: (line, { documents, zone }) => {
      const prompt = firstOf(line, promptKeys);
      const answer = firstOf(line, answerKeys);
      const taken: [string, Json][] = [];
      if (prompt !== undefined) taken.push([prompt, documents.tokens('user', line[prompt] as number[])]);
      else if (typeof line['prompt'] === 'string')
        taken.push(['prompt', documents.text('user', line['prompt'])]);
      else if (isList(line['messages']))
        taken.push(['messages', documents.list(line['messages'], 'messages')]);
      if (answer !== undefined) taken.push([answer, documents.tokens('assistant', line[answer] as number[])]);
      for (const key of ['outputs', 'choices']) {
        const answers = line[key];
        if (isList(answers)) taken.push([key, documents.document(answers, 'assistant', key)]);
      }
      return {
        spec: specOf(line, ['id', 'request_id', 'rid'], zone),
        document: withValues(documents.keep(line) as JsonObject, taken),
      };
    },
  },
];

function firstOf(line: JsonObject, keys: readonly string[]): string | undefined {
  return keys.find((key) => {
    const ids = valueOf(line, key);
    return isTokens(ids) && ids.length > 0;
  });
}

function hasTokens(answers: Json | undefined): boolean {
  return (
    isList(answers) &&
    answers.some((each) => isObject(each) && firstOf(each, ['token_ids', 'output_ids']) !== undefined)
  );
}
