import { keptNumber, parseForPython, renderFailed } from '../../text/index.js';

type Json = Readonly<Record<string, unknown>>;

/** Places of the request of a model in what import keeps of a line. */
const requests: readonly (readonly string[])[] = [
  [],
  ['import', 'document'],
  ['import', 'document', 'body'],
  ['import', 'document', 'request'],
  ['import', 'document', 'request', 'body'],
];

/**
 * Returns the tools that a conversation's model had: "tools" in the fields of its first message, by
 * themselves or in the line that they were imported from.
 */
export function toolsIn(fieldsJson: string | undefined): readonly unknown[] | undefined {
  if (fieldsJson === undefined) return undefined;
  const fields = parseForPython(fieldsJson);
  for (const path of requests) {
    const tools = valueAt(valueAt(fields, ...path), 'tools');
    if (!Array.isArray(tools) || tools.length === 0) continue;
    const opened = withNumbers(tools);
    // Import keeps long data in a form of its own, too.
    if (JSON.stringify(opened).includes('{"$stowken":[')) throw renderFailed('the tools have long data');
    return opened as unknown[];
  }
  return undefined;
}

/** Returns a value with the numbers that import keeps as they were written. */
function withNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  const hole = (value as Json)['$stowken'];
  if (Array.isArray(hole) && hole[0] === 'number' && hole.length === 2) return keptNumber(String(hole[1]));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

/**
 * Returns the text of a message before it was rendered with a chat template, as import keeps it: by itself,
 * or by its place in the rendered text.
 */
export function originalText(fieldsJson: string | undefined, text: string): string {
  if (fieldsJson === undefined || !fieldsJson.includes('"said":')) return text;
  const said = valueAt(JSON.parse(fieldsJson), 'import', 'said');
  if (typeof said === 'string') return said;
  return Array.isArray(said) ? text.slice(Number(said[0]), Number(said[1])) : text;
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Json)[key] : undefined),
    value,
  );
}
