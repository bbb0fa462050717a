import { isObject, type Json, type JsonObject, valueOf } from './json.js';

/** Keys of spans that have a text of a message each: "gen_ai.prompt.0.content". */
const spanKey = /^((?:gen_ai|llm)\.(prompt|completion|(?:in|out)put_messages)\.\d+\.(?:message\.)?)content$/;

/** Returns the role of the text under a key of a span's attributes; undefined if it is none. */
export function roleInSpan(value: JsonObject, key: string): string | undefined {
  const [, prefix, kind] = spanKey.exec(key) ?? [];
  if (prefix === undefined) return undefined;
  const role = valueOf(value, `${prefix}role`);
  if (typeof role === 'string') return role;
  return kind === 'prompt' || kind === 'input_messages' ? 'user' : 'assistant';
}

/** An attribute of a span, as OpenTelemetry writes it to JSON. */
export interface Attribute extends JsonObject {
  readonly key: string;
  readonly value: JsonObject;
}

export function isAttribute(item: Json): item is Attribute {
  return isObject(item) && typeof valueOf(item, 'key') === 'string' && isObject(valueOf(item, 'value'));
}
