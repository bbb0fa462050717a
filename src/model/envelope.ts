/**
 * A message can have more than its text: the tools it calls, a refusal, its reasoning, blocks that are no
 * text. What is said is tokens, so such a message is stored as one JSON text:
 * {"content":...,"tool_calls":[...]}, its fields in the order below, without spaces; export restores the
 * message. A text that looks like such an envelope is put into one itself, so that the two are never
 * confused.
 */
export const extraFields = [
  'tool_calls',
  'function_call',
  'refusal',
  'reasoning_content',
  'reasoning',
  'thinking',
] as const;

export type Extras = { readonly [Field in (typeof extraFields)[number]]?: unknown };

export interface Content extends Extras {
  /** Null only if there is an extra field; a list of blocks if some are no text. */
  readonly content: string | null | readonly unknown[];
}

const opening = '{"content":';

/** Returns the text to store. */
export function seal({ content, ...extras }: Content): string {
  const present = extraFields.filter((field) => extras[field] !== undefined);
  const plain = content ?? '';
  if (present.length === 0 && typeof plain === 'string' && open(plain) === undefined) return plain;
  return JSON.stringify(
    Object.fromEntries([['content', content], ...present.map((field) => [field, extras[field]])]),
  );
}

/** Returns the content of a stored text. */
export function unseal(text: string): Content {
  return open(text) ?? { content: text };
}

function open(text: string): Content | undefined {
  if (!text.startsWith(opening)) return undefined;
  const parsed = parse(text);
  if (parsed === undefined || JSON.stringify(parsed) !== text) return undefined;
  const { content, ...extras } = parsed;
  const fields = Object.keys(extras);
  const ordered = extraFields.filter((field) => fields.includes(field));
  if (fields.join() !== ordered.join() || fields.some((field) => isEmpty(extras[field]))) return undefined;
  if (isBlocks(content)) return { content, ...extras };
  if (fields.length > 0)
    return content === null || typeof content === 'string' ? { content, ...extras } : undefined;
  return typeof content === 'string' && open(content) !== undefined ? { content } : undefined;
}

/** True for a list of objects. */
function isBlocks(value: unknown): value is readonly unknown[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
  );
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>; // It is an object, because the text begins as one.
  } catch {
    return undefined;
  }
}

/** True for null and an empty list: import leaves such fields out. */
export function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}
