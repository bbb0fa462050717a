import { limits } from '../../../model/index.js';
import type { Documents } from './documents.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { labelOf } from './read-message.js';
import type { Reading, Shape } from './shape.js';
import { specOf } from './spec.js';

/** Trajectories in the Agent Trajectory Interchange Format. */
export const stepsShape: Shape = {
  name: 'atif',
  title: 'trajectories in ATIF: steps of a source, with messages, calls and observations',
  recognise: (line) => {
    const steps = valueOf(line, 'steps');
    return isList(steps) && steps.length > 0 && steps.every(isSourced);
  },
  read: (line, reading) => ({
    spec: { ...specOf(line, ['id'], reading.zone), model: modelOf(line) },
    document: withValues(reading.documents.keep(line) as JsonObject, [
      ['steps', (line['steps'] as readonly JsonObject[]).map((step) => readStep(step, reading))],
    ]),
  }),
};

function isSourced(step: Json): step is JsonObject {
  return isObject(step) && Object.hasOwn(step, 'step_id') && textOf(step, 'source') !== undefined;
}

function modelOf(line: JsonObject): string | undefined {
  const agent = valueOf(line, 'agent');
  const model = isObject(agent) ? textOf(agent, 'model_name') : undefined;
  return labelOf({ model: model ?? null }, 'model', limits.labelBytesMax);
}

const roles: Readonly<Record<string, string>> = { agent: 'assistant' };

/** Takes what a step says, thinks and calls as one message, and each result that it saw as one of a tool. */
function readStep(step: JsonObject, { documents }: Reading): Json {
  const source = step['source'] as string;
  const role = Object.hasOwn(roles, source) ? roles[source]! : source;
  const taken = readSaid(step, role, documents);
  const observation = valueOf(step, 'observation');
  const results = isObject(observation) ? valueOf(observation, 'results') : undefined;
  if (isObject(observation) && isList(results)) {
    const read = results.map((result) => readResult(result, documents));
    taken.push(['observation', withValues(documents.keep(observation) as JsonObject, [['results', read]])]);
  }
  return withValues(documents.keep(step) as JsonObject, taken);
}

function readSaid(step: JsonObject, role: string, documents: Documents): [string, Json][] {
  const message = valueOf(step, 'message');
  const isText = typeof message === 'string' || (isList(message) && message.every(isPart));
  if (!isText && isSomething(message)) return [['message', documents.document(message!, role, 'message')]];
  const places: [string, string][] = [];
  if (isText && isSomething(message)) places.push(['message', 'content']);
  for (const extra of ['reasoning_content', 'tool_calls'])
    if (isSomething(valueOf(step, extra))) places.push([extra, extra]);
  if (places.length === 0) return [];
  const said = Object.fromEntries(places.map(([key, field]) => [field, step[key]!]));
  return documents.parts({ role, ...said }, places);
}

function isPart(value: Json): boolean {
  return isObject(value) && textOf(value, 'type') !== undefined && !Object.hasOwn(value, 'role');
}

function isSomething(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== '' && !(isList(value) && value.length === 0);
}

function readResult(result: Json, documents: Documents): Json {
  if (!isObject(result) || !isSomething(valueOf(result, 'content'))) return documents.keep(result);
  const toolCallId = labelOf(result, 'source_call_id', limits.toolCallIdBytesMax) ?? '';
  const said = { role: 'tool', ...(toolCallId !== '' && { tool_call_id: toolCallId }) };
  const content = result['content']!;
  return withValues(
    documents.keep(result) as JsonObject,
    documents.parts({ ...said, content }, [['content', 'content']]),
  );
}
