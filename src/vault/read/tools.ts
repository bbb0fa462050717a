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
  const fields: unknown = JSON.parse(fieldsJson);
  for (const path of requests) {
    const tools = valueAt(valueAt(fields, ...path), 'tools');
    if (Array.isArray(tools) && tools.length > 0) return tools as unknown[];
  }
  return undefined;
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Json)[key] : undefined),
    value,
  );
}
