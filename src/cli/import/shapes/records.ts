import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { isSaid, readTexts } from './named-texts.js';
import type { Reading, Shape } from './shape.js';
import { modelOf, specOf } from './spec.js';

/** Reads whatever has messages in a line. */
function readInside(idKeys: readonly string[], except: readonly string[] = []): Shape['read'] {
  return (line, { documents, zone }) => ({
    spec: specOf(line, idKeys, zone),
    document: documents.inside(line, 'user', '', 0, except),
  });
}

/** Reads a line that may have a question and its answer by names of their own in place of messages. */
function readInsideOrNamed(idKeys: readonly string[]): Shape['read'] {
  const read = readInside(idKeys);
  return (line, reading) => {
    const inside = read(line, reading);
    if (reading.documents.messages.length > 0 || !isSaid(line)) return inside;
    return { ...inside, document: readTexts(line, undefined, reading.documents) };
  };
}

const inBatch = ['custom_id', 'key', 'id'] as const;

/** Shapes of calls as they are recorded: what was asked, what was answered, or both. */
export const recordShapes: readonly Shape[] = [
  {
    name: 'batch-input',
    title: 'batch input of OpenAI, vLLM, Groq and Anthropic: custom_id and body or params',
    recognise: (line) =>
      isId(line, 'custom_id') && (isObject(valueOf(line, 'body')) || isObject(valueOf(line, 'params'))),
    read: readInside(inBatch),
  },
  {
    name: 'batch-output',
    title: 'batch output of OpenAI, vLLM, Groq and Anthropic: custom_id and response or result',
    recognise: (line) =>
      isId(line, 'custom_id') && (Object.hasOwn(line, 'response') || isObject(valueOf(line, 'result'))),
    read: readInside(inBatch),
  },
  {
    name: 'langsmith',
    title: 'LangSmith runs: inputs and outputs',
    recognise: (line) =>
      has(line, 'inputs') &&
      (has(line, 'outputs') || Object.hasOwn(line, 'run_type') || isId(line, 'trace_id')),
    read: readLangSmith,
  },
  {
    name: 'langfuse',
    title: 'Langfuse generations and traces: input and output',
    recognise: (line) =>
      Object.hasOwn(line, 'input') &&
      ['traceId', 'trace_id', 'observationId', 'modelParameters', 'projectId', 'sessionId'].some((key) =>
        Object.hasOwn(line, key),
      ),
    read: readInsideOrNamed(['id']),
  },
  {
    name: 'litellm',
    title: 'LiteLLM spend logs: messages and response',
    recognise: (line) =>
      ['request_id', 'call_type', 'litellm_call_id', 'litellm_params'].some((key) =>
        Object.hasOwn(line, key),
      ) && ['messages', 'response', 'proxy_server_request', 'request'].some((key) => has(line, key)),
    read: readLiteLlm,
  },
  {
    name: 'nemo-gym',
    title: 'NeMo Gym rollouts: responses_create_params and response',
    recognise: (line) => isObject(valueOf(line, 'responses_create_params')),
    read: readInside(['id']),
  },
  {
    name: 'responses',
    title: 'Responses API: input and output items',
    recognise: (line) =>
      (isList(valueOf(line, 'output')) && (line['output'] as readonly Json[]).every(isItem)) ||
      (isList(valueOf(line, 'input')) && (line['input'] as readonly Json[]).some(isItem)),
    read: readInside(['id']),
  },
  {
    name: 'openai-completion',
    title: 'answer of a chat or completion: choices',
    recognise: (line) => hasChoices(line) && !has(line, 'messages') && !has(line, 'request'),
    read: readInside(['id', 'request_id']),
  },
  {
    name: 'request-response',
    title: 'request and response',
    recognise: (line) =>
      pairs.some(
        ([asked, answered]) =>
          has(line, asked) &&
          has(line, answered) &&
          !(typeof line[asked] === 'string' && typeof line[answered] === 'string'),
      ),
    read: readInside(['id', 'request_id', 'uuid']),
  },
];

const pairs = [
  ['request', 'response'],
  ['kwargs', 'response'],
  ['body', 'response'],
  ['messages', 'response'],
  ['messages', 'choices'],
  ['messages', 'completion'],
  ['messages', 'output'],
  ['messages', 'outputs'],
  ['prompt', 'choices'],
  ['input', 'output'],
  ['inputs', 'output'],
  ['input', 'response'],
  ['input', 'completion'],
  ['input', 'choices'],
] as const;

const itemTypes = new Set([
  'message',
  'reasoning',
  'function_call',
  'function_call_output',
  'item_reference',
]);

/** True for answers of an API; choices of a question are texts. */
function hasChoices(line: JsonObject): boolean {
  const choices = valueOf(line, 'choices');
  return isList(choices) && choices.every(isObject);
}

function isItem(value: Json): boolean {
  return isObject(value) && itemTypes.has(textOf(value, 'type') ?? '');
}

function isId(line: JsonObject, key: string): boolean {
  const value = valueOf(line, key);
  return typeof value === 'string' || typeof value === 'number';
}

function has(line: JsonObject, key: string): boolean {
  const value = valueOf(line, key);
  return isObject(value) || isList(value) || (typeof value === 'string' && value !== '');
}

/** Reads a run; its model is among what it was called with. */
function readLangSmith(line: JsonObject, reading: Reading): ReturnType<Shape['read']> {
  const { spec, document } = readInsideOrNamed(['id', 'run_id'])(line, reading);
  const extra = valueOf(line, 'extra');
  const places = isObject(extra) ? [extra['invocation_params'], extra['metadata']] : [];
  const named = places.flatMap((place) => (isObject(place) ? [place] : []));
  const model =
    spec.model ??
    named
      .map((place) => modelOf(place, 0) ?? textOf(place, 'ls_model_name'))
      .find((found) => found !== undefined);
  return { spec: { ...spec, model }, document };
}

/** Reads a spend log: the request that the proxy got has the messages only if the log itself has none. */
function readLiteLlm(line: JsonObject, reading: Reading): ReturnType<Shape['read']> {
  const { documents } = reading;
  const ids = ['request_id', 'litellm_call_id', 'id'];
  const hasMessages = isObject(line['messages'])
    ? Object.keys(line['messages']).length > 0
    : has(line, 'messages');
  const asked = valueOf(line, 'proxy_server_request');
  const before: [string, Json][] =
    hasMessages || asked === undefined || asked === null
      ? []
      : [['proxy_server_request', documents.document(asked, 'user', 'proxy_server_request')]];
  const { spec, document } = readInside(ids, ['request', 'prompt', 'input'])(line, reading);
  return { spec, document: withValues(document as JsonObject, before) };
}
