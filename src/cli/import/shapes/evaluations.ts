import { isList, isObject, type Json, type JsonObject, valueOf, withValues } from './json.js';
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
];

type Path = readonly (string | number)[];

/** Returns the place of the first prompt, in the form of either version of the program. */
function pathOfPrompt(line: JsonObject): Path {
  return isList(line['arguments']) ? ['arguments', 0, 0] : ['arguments', 'gen_args_0', 'arg_0'];
}

function textAt(value: Json, path: Path): string | undefined {
  const found = path.reduce<Json | undefined>((inner, key) => {
    if (isList(inner)) return typeof key === 'number' ? inner[key] : undefined;
    return isObject(inner) && typeof key === 'string' ? valueOf(inner, key) : undefined;
  }, value);
  return typeof found === 'string' ? found : undefined;
}

/** Returns a copy of a value with another one at a place that it has. */
function replacedAt(value: Json, [key, ...rest]: Path, by: Json): Json {
  if (key === undefined) return by;
  if (isList(value)) return value.map((item, index) => (index === key ? replacedAt(item, rest, by) : item));
  const object = value as JsonObject;
  return withValues(object, [[String(key), replacedAt(object[key]!, rest, by)]]);
}
