import { limits, seal } from '../../../model/index.js';
import { readBody } from './body.js';
import { chatDialect } from './dialects.js';
import { isList, isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { holesOf, type Keep, keepObject, labelOf, type ReadMessage } from './read-message.js';
import { hole } from './skeleton.js';

/** Reads an item of the Responses API. */
export function readItem(value: JsonObject, keep: Keep): ReadMessage | undefined {
  const type = textOf(value, 'type');
  if (type === undefined) return undefined;
  if (type === 'reasoning') return readReasoning(value, keep);
  if (type.endsWith('_call_output') || type === 'mcp_approval_response') return readOutput(value, keep);
  if (type === 'function_call' && typeof valueOf(value, 'arguments') === 'string')
    return readCall(value, keep);
  if (type.endsWith('_call') || itemTypes.has(type)) return readOther(value, 'assistant', keep);
  return undefined;
}

const itemTypes = new Set(['item_reference', 'mcp_list_tools', 'mcp_approval_request', 'compaction']);

function readReasoning(value: JsonObject, keep: Keep): ReadMessage {
  const key = ['summary', 'content'].find((each) => {
    const texts = valueOf(value, each);
    return isList(texts) && texts.length > 0;
  });
  const body = key === undefined ? undefined : readBody(value[key], keep);
  const reasoning = typeof body?.said === 'string' ? body.said : '';
  const text = reasoning === '' ? '' : seal({ content: null, reasoning_content: reasoning });
  const [only, ...others] = key === undefined ? [] : (value[key] as readonly Json[]);
  const holes: [string, Json][] =
    key !== undefined &&
    isObject(only) &&
    others.length === 0 &&
    only['text'] === reasoning &&
    reasoning !== ''
      ? [[key, [withValues(keepObject(only, keep), [['text', hole('said', 'reasoning_content')]])]]]
      : [];
  return spoken('assistant', '', text, withValues(keepObject(value, keep), holes));
}

function readCall(value: JsonObject, keep: Keep): ReadMessage {
  const callId = typeof value['call_id'] === 'string' ? value['call_id'] : '';
  const call = { name: value['name'] ?? '', arguments: value['arguments']! };
  const text = seal({ content: null, tool_calls: [{ id: callId, type: 'function', function: call }] });
  const inCall = (field: string): [string, Json] => [field, hole('said', 'tool_calls', 0, 'function', field)];
  const holes: [string, Json][] = [inCall('arguments')];
  if (Object.hasOwn(value, 'name')) holes.push(inCall('name'));
  return spoken('assistant', '', text, withValues(keepObject(value, keep), holes));
}

function readOutput(value: JsonObject, keep: Keep): ReadMessage {
  const body = readBody(valueOf(value, 'output'), keep);
  const callId = labelOf(value, 'call_id', limits.toolCallIdBytesMax) ?? '';
  const text = seal({ content: body.said ?? '' });
  return spoken('tool', callId, text, withValues(keepObject(value, keep), holesOf('output', body, [])));
}

/** Reads an item that is none of the above: it is a block of its message. */
function readOther(value: JsonObject, role: string, keep: Keep): ReadMessage {
  const body = readBody([value], keep);
  const skeleton = isList(body.skeleton) ? body.skeleton[0]! : keep(value);
  return spoken(role, '', seal({ content: body.said ?? '' }), skeleton);
}

function spoken(role: string, toolCallId: string, content: string, skeleton: Json): ReadMessage {
  return { message: { role, name: '', toolCallId, content }, dialect: chatDialect, skeleton };
}
