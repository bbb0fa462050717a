import { seal } from '../../../model/index.js';
import { readBody } from './body.js';
import { chatDialect } from './dialects.js';
import { isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { holesOf, type Keep, keepObject, type ReadMessage } from './read-message.js';
import { hole, isLikeHoleKey } from './skeleton.js';

/** Actions of agents that only say something: their text is an argument. */
const saying: ReadonlySet<string> = new Set(['message', 'system']);

/**
 * Reads an action of an agent, as OpenHands has them: what it says, its thought, and what it does as a call.
 * Undefined for a value without arguments of an action.
 */
export function readAction(value: JsonObject, role: string, keep: Keep): ReadMessage | undefined {
  const args = valueOf(value, 'args');
  const action = textOf(value, 'action');
  if (!isObject(args) || action === undefined) return undefined;
  const isSaying = saying.has(action) && typeof valueOf(args, 'content') === 'string';
  const body = readBody(isSaying ? args['content'] : valueOf(value, 'message'), keep);
  const thought = textOf(args, 'thought');
  const others = Object.entries(args).filter(([key]) => key !== 'thought' && !isLikeHoleKey(key));
  const call = { name: action, arguments: Object.fromEntries<Json>(others) };
  const extras = {
    ...(!isSaying && others.length > 0 && { function_call: call }),
    ...(thought !== undefined && { reasoning: thought }),
  };
  const inArgs: [string, Json][] = isSaying
    ? holesOf('content', body, [])
    : others.map(([key]) => [key, hole('said', 'function_call', 'arguments', key)]);
  if (thought !== undefined) inArgs.push(['thought', hole('said', 'reasoning')]);
  const hasExtras = Object.keys(extras).length > 0;
  return {
    message: {
      ...{ role, name: '', toolCallId: '' },
      content: seal({ content: body.said ?? (hasExtras ? null : ''), ...extras }),
    },
    dialect: chatDialect,
    skeleton: withValues(keepObject(value, keep), [
      ...(isSaying ? [] : holesOf('message', body, [])),
      ['args', withValues(keepObject(args, keep), inArgs)],
    ]),
  };
}
