import { isMessage } from './recognise.js';
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
  'request_states',
  'simulations',
  'trajectories',
  'questions',
  'tasks',
  'problems',
] as const;

/** Such keys in another document of it: promptfoo and Telegram have them there. */
const nestedKeys = [
  ['results', 'results'],
  ['chats', 'list'],
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
  if (name !== undefined && name !== 'nested' && name !== 'texts') return undefined;
  const [found, ...others] = [
    ...keys.flatMap((key) => listAt(document, key)),
    ...nestedKeys.flatMap(([outer, key]) => {
      const inner = Object.hasOwn(document, outer) ? document[outer] : undefined;
      return listAt(inner, key).map(({ elements, rest }) => ({
        key: `${outer}.${key}`,
        elements,
        rest: withValues(document, [[outer, rest]]),
      }));
    }),
  ];
  return others.length > 0 ? undefined : found;
}

/** Returns the list of conversations under a key; nothing if that is none. */
function listAt(document: Json | undefined, key: string): Wrapped[] {
  const list = isObject(document) && Object.hasOwn(document, key) ? document[key] : undefined;
  if (!isObject(document) || !isList(list) || list.length === 0 || !list.every(isConversation)) return [];
  return [{ key, elements: list as readonly JsonObject[], rest: withValues(document, [[key, []]]) }];
}

function isConversation(value: Json): boolean {
  return isObject(value) && !isMessage(value) && shapeOf(value) !== undefined;
}
