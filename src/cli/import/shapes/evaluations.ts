import { limits } from '../../../model/index.js';
import { isLabel, isList, isObject, type Json, type JsonObject, valueOf, withValues } from './json.js';
import { readTexts } from './named-texts.js';
import type { Shape } from './shape.js';
import { specOf } from './spec.js';

/** Shapes of the records that evaluation programs write for each question. */
export const evaluationShapes: readonly Shape[] = [
  {
    name: 'lm-eval',
    title: 'samples of lm-evaluation-harness: arguments and resps',
    recognise: (line) =>
      textAt(line, pathOfPrompt(line)) !== undefined &&
      isList(valueOf(line, 'resps')) &&
      isObject(line['doc']),
    read: (line, { documents, zone }) => {
      const prompt = pathOfPrompt(line);
      const answer = ['resps', 0, 0];
      const said = textAt(line, answer);
      const kept = replacedAt(documents.keep(line), prompt, documents.text('user', textAt(line, prompt)!));
      return {
        spec: specOf(line, ['id'], zone),
        document: said === undefined ? kept : replacedAt(kept, answer, documents.text('assistant', said)),
      };
    },
  },
  {
    name: 'evals',
    title: 'logs of OpenAI Evals: run_id, event_id, type and data',
    recognise: (line) =>
      (isObject(valueOf(line, 'data')) &&
        ['run_id', 'event_id', 'type'].every((key) => Object.hasOwn(line, key))) ||
      (isObject(valueOf(line, 'spec')) && textAt(line, ['spec', 'run_id']) !== undefined) ||
      (isObject(valueOf(line, 'final_report')) && Object.keys(line).length === 1),
    read: (line, { documents, zone }) => {
      const kept = documents.keep(line) as JsonObject;
      const data = isObject(valueOf(line, 'data'))
        ? [['data', readTexts(line['data']!, undefined, documents)]]
        : [];
      return { spec: specOf(line, [], zone), document: withValues(kept, data as [string, Json][]) };
    },
  },
  {
    name: 'promptfoo',
    title: 'promptfoo results: prompt, provider and response',
    recognise: (line) =>
      textAt(line, rawPrompt) !== undefined &&
      (isObject(valueOf(line, 'provider')) || isObject(valueOf(line, 'vars'))) &&
      (isObject(valueOf(line, 'response')) || Object.hasOwn(line, 'success')),
    read: (line, { documents, zone }) => {
      const said = textAt(line, outputOfProvider);
      const kept = replacedAt(
        documents.keep(line),
        rawPrompt,
        documents.document(textAt(line, rawPrompt)!, 'user', 'prompt.raw'),
      );
      const spec = specOf(line, ['id'], zone);
      return {
        spec: { ...spec, model: spec.model ?? modelLabel(textAt(line, ['provider', 'id'])) },
        document:
          said === undefined ? kept : replacedAt(kept, outputOfProvider, documents.text('assistant', said)),
      };
    },
  },
  {
    name: 'helm',
    title: 'HELM request states: instance, request and result',
    recognise: (line) =>
      isObject(valueOf(line, 'instance')) &&
      (textAt(line, promptOfHelm) !== undefined || isList(valueAt(line, messagesOfHelm))),
    read: (line, { documents, zone }) => {
      const listed = valueAt(line, messagesOfHelm);
      const place = isList(listed) && listed.length > 0 ? messagesOfHelm : promptOfHelm;
      let document = replacedAt(
        documents.keep(line),
        place,
        documents.document(valueAt(line, place)!, 'user', place.join('.')),
      );
      const completions = valueAt(line, ['result', 'completions']);
      for (const index of isList(completions) ? completions.keys() : []) {
        const answer = ['result', 'completions', index, 'text'];
        const said = textAt(line, answer);
        if (said !== undefined) document = replacedAt(document, answer, documents.text('assistant', said));
      }
      const spec = specOf(line, [], zone);
      return {
        spec: { ...spec, model: spec.model ?? modelLabel(textAt(line, ['request', 'model'])) },
        document,
      };
    },
  },
];

const rawPrompt = ['prompt', 'raw'];
const outputOfProvider = ['response', 'output'];
const promptOfHelm = ['request', 'prompt'];
const messagesOfHelm = ['request', 'messages'];

function modelLabel(name: string | undefined): string | undefined {
  return name !== undefined && isLabel(name, limits.labelBytesMax) ? name : undefined;
}

type Path = readonly (string | number)[];

/** Returns the place of the first prompt, in the form of either version of the program. */
function pathOfPrompt(line: JsonObject): Path {
  return isList(line['arguments']) ? ['arguments', 0, 0] : ['arguments', 'gen_args_0', 'arg_0'];
}

function textAt(value: Json, path: Path): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

function valueAt(value: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => {
    if (isList(inner)) return typeof key === 'number' ? inner[key] : undefined;
    return isObject(inner) && typeof key === 'string' ? valueOf(inner, key) : undefined;
  }, value);
}

/** Returns a copy of a value with another one at a place that it has. */
function replacedAt(value: Json, [key, ...rest]: Path, by: Json): Json {
  if (key === undefined) return by;
  if (isList(value)) return value.map((item, index) => (index === key ? replacedAt(item, rest, by) : item));
  const object = value as JsonObject;
  return withValues(object, [[String(key), replacedAt(object[key]!, rest, by)]]);
}
