import { unseal } from '../../../model/index.js';
import type { Json, JsonObject } from './json.js';

/** A message as it is stored. Absent strings are empty. */
export interface PlainMessage {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  readonly content: string | readonly number[];
}

/**
 * The form that messages of a list have where nothing else is known of them: the keys of the role and of the
 * text, and the words for roles.
 */
export interface Dialect {
  readonly roleKey: string;
  readonly bodyKey: string;
  /** Words of the dialect, by the role that is stored. */
  readonly words: Readonly<Record<string, string>>;
}

export const chatDialect = 'role/content';

const human = { user: 'human', assistant: 'gpt', tool: 'observation' };

/** Words for roles in dialects that have their own; the first word of a role is the dialect's default. */
export const rolesOfWords: Readonly<Record<string, string>> = {
  human: 'user',
  gpt: 'assistant',
  ai: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  prompter: 'user',
  observation: 'tool',
};

/** Finds a dialect by its name, "from/value". */
export function dialectOf(name: string): Dialect {
  const [roleKey = '', bodyKey = ''] = name.split('/');
  return { roleKey, bodyKey, words: roleKey === 'role' ? {} : human };
}

/** Returns the message of a dialect that has these contents and nothing else. */
export function inDialect(name: string, message: PlainMessage): JsonObject {
  const { role, name: author, toolCallId, content } = message;
  if (name !== chatDialect) {
    const { roleKey, bodyKey, words } = dialectOf(name);
    return { [roleKey]: words[role] ?? role, [bodyKey]: content };
  }
  return {
    role,
    ...(author !== '' && { name: author }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    ...(typeof content === 'string' ? saidIn(content) : { tokens: content }),
  };
}

/** Returns what a stored text says: its content, and what is said beside it. */
export function saidIn(text: string): JsonObject {
  return Object.fromEntries<Json>(Object.entries(unseal(text)) as [string, Json][]);
}
