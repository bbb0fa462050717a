type Places = readonly (readonly [key: string, role: string])[];

/** Keys under which a request has messages, in their order. A text under a key has the role beside it. */
export const placesOfRequest: Places = [
  ['system', 'system'],
  ['systemInstruction', 'system'],
  ['system_instruction', 'system'],
  ['instructions', 'system'],
  ['system_prompt', 'system'],
  ['kwargs', 'user'],
  ['body', 'user'],
  ['params', 'user'],
  ['request', 'user'],
  ['responses_create_params', 'user'],
  ['messages', 'user'],
  ['contents', 'user'],
  ['conversations', 'user'],
  ['conversation', 'user'],
  ['dialog', 'user'],
  ['dialogue', 'user'],
  ['turns', 'user'],
  ['chat', 'user'],
  ['trajectory', 'user'],
  ['history', 'user'],
  ['prompt_token_ids', 'user'],
  ['prompt', 'user'],
  ['inputs', 'user'],
  ['input', 'user'],
];

/** Keys under which an answer has messages. */
export const placesOfAnswer: Places = [
  ['result', 'assistant'],
  ['response', 'assistant'],
  ['choices', 'assistant'],
  ['candidates', 'assistant'],
  ['completion', 'assistant'],
  ['completions', 'assistant'],
  ['generations', 'assistant'],
  ['outputs', 'assistant'],
  ['output', 'assistant'],
];

/** Keys of the objects of a list that are a question and its answer each. */
export const pairsInList = [
  ['input', 'output'],
  ['prompt', 'response'],
  ['question', 'answer'],
  ['human', 'assistant'],
  ['user', 'assistant'],
  ['prompt', 'completion'],
  ['prompt', 'answer'],
  ['question', 'response'],
  ['query', 'response'],
  ['instruction', 'output'],
  ['instruction', 'response'],
  ['human', 'bot'],
  ['user', 'bot'],
  ['user', 'model'],
  ['q', 'a'],
] as const;

/** Keys under which an answer may have its content, several times: the first one that it has is read. */
export const sayings = [
  'token_ids',
  'output_ids',
  'message',
  'content',
  'text',
  'generated_text',
  'turns',
] as const;

/** Keys under which an answer has others. */
export const answerInAnswer: Places = [
  ['body', 'assistant'],
  ['data', 'assistant'],
  ['kwargs', 'assistant'],
  ['messages', 'assistant'],
];
