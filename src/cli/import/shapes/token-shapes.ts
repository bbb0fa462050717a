import type { Documents } from './documents.js';
import { isList, isObject, type Json, type JsonObject, withValues } from './json.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';
import { answerKeys, type HeldTokens, heldTokens, keyOfTokens, promptKeys } from './token-keys.js';

/** Shapes that have the token ids of what was asked, and of what was answered. */
export const tokenShapes: readonly Shape[] = [
  {
    name: 'token-ids',
    title: 'vLLM, SGLang and verl: token ids of prompt and answer',
    recognise: (line) =>
      keyOfTokens(line, promptKeys) !== undefined ||
      keyOfTokens(line, answerKeys) !== undefined ||
      heldTokens(line) !== undefined ||
      hasTokens(line['outputs']) ||
      hasTokens(line['choices']),
    read: (line, { documents, zone }) => {
      const prompt = keyOfTokens(line, promptKeys);
      const answer = keyOfTokens(line, answerKeys);
      const held = prompt === undefined && answer === undefined ? heldTokens(line) : undefined;
      const taken: [string, Json][] = [];
      if (held !== undefined) taken.push([held.key, readHeld(held, documents)]);
      else if (prompt !== undefined) taken.push([prompt, documents.tokenLists('user', line[prompt]!)]);
      else if (typeof line['prompt'] === 'string')
        taken.push(['prompt', documents.text('user', line['prompt'])]);
      else if (isList(line['messages']))
        taken.push(['messages', documents.list(line['messages'], 'messages')]);
      if (answer !== undefined) taken.push([answer, documents.tokenLists('assistant', line[answer]!)]);
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

/** Takes the token ids of an object that has both those of a prompt and of its answer, or of one of them. */
function readHeld({ holder, prompt, answer }: HeldTokens, documents: Documents): Json {
  const taken: [string, Json][] = [];
  if (prompt !== undefined) taken.push([prompt, documents.tokenLists('user', holder[prompt]!)]);
  if (answer !== undefined) taken.push([answer, documents.tokenLists('assistant', holder[answer]!)]);
  return withValues(documents.keep(holder) as JsonObject, taken);
}

function hasTokens(answers: Json | undefined): boolean {
  return (
    isList(answers) &&
    answers.some((each) => isObject(each) && keyOfTokens(each, ['token_ids', 'output_ids']) !== undefined)
  );
}
