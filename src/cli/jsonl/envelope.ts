/**
 * A message of the OpenAI shape can say more than its text: the tools it calls, a refusal, its reasoning.
 * Tokens are all that a vault keeps of what was said, so such a message is stored as one JSON text:
 * {"content":...,"tool_calls":[...]}, its fields in the order below, without spaces; and export takes it apart again.
 * A text that itself reads as such an envelope is put into one, so that nothing is ever mistaken.
 */
export const extraFields = ['tool_calls', 'function_call', 'refusal', 'reasoning_content'] as const;

export type Extras = { readonly [Field in (typeof extraFields)[number]]?: unknown };

export interface Content extends Extras {
  /** Null only beside an extra field. */
  readonly content: string | null;
}

const opening = '{"content":';

/** The text to store. */
export function seal({ content, ...extras }: Content): string {
  const present = extraFields.filter((field) => extras[field] !== undefined);
  const plain = content ?? '';
  if (present.length === 0 && open(plain) === undefined) return plain;
  return JSON.stringify(
    Object.fromEntries([['content', content], ...present.map((field) => [field, extras[field]])]),
  );
}

/** What a stored text says. */
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
  if (fields.length > 0)
    return content === null || typeof content === 'string' ? { content, ...extras } : undefined;
  return typeof content === 'string' && open(content) !== undefined ? { content } : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>; // an object: the text begins as one
  } catch {
    return undefined;
  }
}

/** Null and an empty list say nothing: import leaves such fields out. */
export function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}
