import type { Documents } from './documents.js';
import { isMessage } from './recognise.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import type { Reading, Shape } from './shape.js';
import { isLikeHoleKey } from './skeleton.js';
import { specOf } from './spec.js';

/** Keys of lists of messages in data sets and trajectories, in the order in which one is chosen. */
const lists = [
  'messages',
  'conversations',
  'conversation',
  'trajectory',
  'history',
  'dialog',
  'dialogue',
  'dialogs',
  'turns',
  'chat',
  'chat_history',
  'conversation_history',
  'full_conversation',
  'traj',
  'prompt',
  'input',
  'data',
  'events',
] as const;

const listed = (line: JsonObject): string | undefined =>
  lists.find((key) => {
    const value = valueOf(line, key);
    return isList(value) && value.length > 0 && value.every(isMessage);
  });

const inText = (line: JsonObject): string | undefined =>
  lists.find((key) => {
    const value = valueOf(line, key);
    return typeof value === 'string' && /^\s*\[\s*\{/.test(value);
  });

/** Shapes of agents' trajectories, and of rows whose list of messages has another name. */
export const trajectoryShapes: readonly Shape[] = [
  {
    name: 'swe-agent',
    title: 'SWE-agent trajectories: history, or steps of action and observation',
    recognise: (line) =>
      (isList(line['trajectory']) && line['trajectory'].some(isStepOrMessage)) ||
      keyOfSteps(line) !== undefined ||
      (isList(line['history']) && Object.hasOwn(line, 'info')),
    read: readTrajectory,
  },
  {
    name: 'huggingface-chat',
    title: 'rows with a list of messages under another name',
    recognise: (line) => listed(line) !== undefined || inText(line) !== undefined,
    read: (line, { documents, zone }) => {
      const key = listed(line) ?? inText(line)!;
      const taken: [string, Json][] = [];
      if (typeof line['system'] === 'string' && line['system'] !== '')
        taken.push(['system', documents.text('system', line['system'])]);
      taken.push([key, documents.document(line[key]!, 'user', key)]);
      const said =
        key === 'prompt' || key === 'input' ? answers.find((each) => isSaid(line, each)) : undefined;
      if (said !== undefined) taken.push([said, documents.document(line[said]!, 'assistant', said)]);
      return {
        spec: specOf(line, ['id', 'conversation_id'], zone),
        document: withValues(documents.keep(line) as JsonObject, taken),
      };
    },
  },
];

/** Keys of the answer to a prompt of messages, in the order in which one is chosen. */
const answers = ['completion', 'ideal', 'response', 'answer', 'target', 'expected', 'reference'] as const;

function isSaid(line: JsonObject, key: string): boolean {
  const value = valueOf(line, key);
  return value !== undefined && value !== null && typeof value !== 'number' && typeof value !== 'boolean';
}

function isStepOrMessage(value: Json): boolean {
  return isStep(value) || isMessage(value);
}

/** Returns the key of a list of steps, whatever its name is. */
function keyOfSteps(line: JsonObject): string | undefined {
  return Object.keys(line).find((key) => {
    const list = line[key]!;
    return isList(list) && list.length > 0 && list.every(isStep) && !isLikeHoleKey(key);
  });
}

/** Takes the task before the steps. */
function readBefore(line: JsonObject, documents: Documents): [string, Json][] {
  const key = ['problem_statement', 'question', 'task', 'prompt', 'instruction'].find(
    (each) => textOf(line, each) !== undefined,
  );
  return key === undefined ? [] : [[key, documents.text('user', line[key]!)]];
}

function isStep(value: Json): value is JsonObject {
  return isObject(value) && typeof value['action'] === 'string' && Object.hasOwn(value, 'observation');
}

/** Keys of what an action is done with. */
const argumentKeys = ['action_input', 'arguments', 'args', 'parameters', 'tool_input'] as const;

/** Takes a text of a step; an action with arguments is a call. */
function readAct(step: JsonObject, key: string, documents: Documents): [string, Json][] {
  const inputKey = key === 'action' ? argumentKeys.find((each) => isInput(valueOf(step, each))) : undefined;
  if (inputKey === undefined) return [[key, documents.text('assistant', step[key]!)]];
  const call = { name: step[key]!, arguments: step[inputKey]! };
  return documents.parts({ role: 'assistant', content: null, function_call: call }, [
    [key, 'function_call', 'name'],
    [inputKey, 'function_call', 'arguments'],
  ]);
}

function isInput(value: Json | undefined): boolean {
  return typeof value === 'string' ? value !== '' : isObject(value) && Object.keys(value).length > 0;
}

/** Reads the history of messages if there is one, else what each step did and saw. */
function readTrajectory(line: JsonObject, { documents, zone }: Reading): ReturnType<Shape['read']> {
  const spec = specOf(line, ['id'], zone);
  const kept = documents.keep(line) as JsonObject;
  const key = ['history', 'trajectory'].find((each) => {
    const list = valueOf(line, each);
    return isList(list) && list.length > 0 && list.every(isMessage);
  });
  if (key !== undefined)
    return { spec, document: withValues(kept, [[key, documents.list(line[key] as readonly Json[], key)]]) };
  const keyed = keyOfSteps(line) ?? 'trajectory';
  const listedSteps = valueOf(line, keyed);
  const steps = isList(listedSteps) ? listedSteps : [];
  const before = readBefore(line, documents);
  const taken = steps.map((step) => {
    if (!isStep(step)) return documents.keep(step);
    const holes: [string, Json][] = [];
    // A response has what was thought and done.
    const said = textOf(step, 'response') === undefined ? ['thought', 'action'] : ['response'];
    for (const each of said)
      if (textOf(step, each) !== undefined) holes.push(...readAct(step, each, documents));
    if (typeof step['observation'] === 'string')
      holes.push(['observation', documents.text('tool', step['observation'])]);
    return withValues(documents.keep(step) as JsonObject, holes);
  });
  return { spec, document: withValues(kept, [...before, [keyed, taken]]) };
}
