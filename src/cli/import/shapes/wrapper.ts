import { isMessage } from './documents.js';
import { isList, isObject, type Json, type JsonObject, withValues } from './json.js';
import { shapeOf } from './table.js';

/** Keys under which one document has all conversations of a file. */
const keys = [
  'data',
  'rows',
  'train',
  'test',
  'validation',
  'examples',
  'samples',
  'instances',
  'records',
  'items',
  'entries',
  'results',
  'conversations',
  'chats',
  'dialogs',
  'dialogues',
  'sessions',
  'threads',
  'traces',
  'runs',
  'logs',
  'requests',
  'responses',
] as const;

/** Conversations that one document has in a list. */
export interface Wrapped {
  readonly key: string;
  readonly elements: readonly JsonObject[];
  /** Document without the list. */
  readonly rest: JsonObject;
}

/**
 * Returns the conversations of a document that is the only one of its file; undefined if it is one itself.
 * Each element of one of its lists has a shape of its own then.
 */
export function wrappedIn(document: Json): Wrapped | undefined {
  if (!isObject(document)) return undefined;
  const name = shapeOf(document)?.name;
  if (name !== undefined && name !== 'nested') return undefined;
  const [key, ...others] = keys.filter((each) => {
    const list = Object.hasOwn(document, each) ? document[each] : undefined;
    return isList(list) && list.length > 0 && list.every(isConversation);
  });
  if (key === undefined || others.length > 0) return undefined;
  return { key, elements: document[key] as readonly JsonObject[], rest: withValues(document, [[key, []]]) };
}

function isConversation(value: Json): boolean {
  return isObject(value) && !isMessage(value) && shapeOf(value) !== undefined;
}
