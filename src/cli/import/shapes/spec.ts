import { limits } from '../../../model/index.js';
import { BadLine } from '../bad-line.js';
import type { DraftSpec } from './draft.js';
import { isLabel, isObject, isRawNumber, type Json, type JsonObject, textOf, valueOf } from './json.js';
import { writeWithRawNumbers } from './raw-number.js';
import { timeOf } from './times.js';

/** Keys of documents in a document that may name the model. */
const placesOfModel = [
  'body',
  'request',
  'response',
  'params',
  'kwargs',
  'responses_create_params',
  'result',
  'message',
  'config',
  'chat',
] as const;

/** Returns what a line says of its conversation, whatever its shape. @throws BadLine */
export function specOf(line: JsonObject, idKeys: readonly string[], zone: string | undefined): DraftSpec {
  return {
    id: idOf(line, idKeys),
    application: labelIn(line, 'application'),
    model: modelOf(line, 2),
    tokenizer: labelIn(line, 'tokenizer'),
    parentId: labelIn(line, 'parent_id', limits.conversationIdBytesMax),
    expireTimeMs: expireTimeOf(line, zone),
    metadata: labelsOf(valueOf(line, 'metadata')),
  };
}

/** Returns the text under a key if it can be a label; others are kept as fields alone. */
function labelIn(line: JsonObject, key: string, bytesMax: number = limits.labelBytesMax): string | undefined {
  const text = textOf(line, key);
  return text !== undefined && isLabel(text, bytesMax) ? text : undefined;
}

/** Returns the first id; a number becomes its text. */
export function idOf(line: JsonObject, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const id = valueOf(line, key);
    if (typeof id === 'string' && id !== '') return id;
    if (typeof id === 'number') return String(id);
    if (isRawNumber(id)) return id.text;
  }
  return undefined;
}

export function modelOf(value: JsonObject, depth: number): string | undefined {
  const model = textOf(value, 'model') ?? textOf(value, 'model_name') ?? textOf(value, 'modelVersion');
  if (model !== undefined) return isLabel(model, limits.labelBytesMax) ? model : undefined;
  if (depth === 0) return undefined;
  for (const key of placesOfModel) {
    const inner = valueOf(value, key);
    const found = isObject(inner) ? modelOf(inner, depth - 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function expireTimeOf(line: JsonObject, zone: string | undefined): number | undefined {
  const value = valueOf(line, 'expire_time');
  if (value === undefined || value === null) return undefined;
  const time = timeOf(value, zone);
  if (typeof time === 'number') return time;
  throw new BadLine(`expire_time: ${time}`);
}

/**
 * Returns the metadata that can be labels: texts as they are, other values as JSON. What is too long or too
 * much is kept in the fields alone.
 */
function labelsOf(metadata: Json | undefined): Record<string, string> | undefined {
  if (!isObject(metadata)) return undefined;
  const labels: [string, string][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (labels.length === limits.metadataEntriesMax) break;
    if (value === null || key === '__proto__') continue;
    const label = typeof value === 'string' ? value : writeWithRawNumbers(value);
    const keyBytes = Buffer.byteLength(key);
    const fits =
      keyBytes > 0 &&
      keyBytes <= limits.metadataKeyBytesMax &&
      Buffer.byteLength(label) <= limits.metadataValueBytesMax &&
      !/\p{Surrogate}/u.test(key + label);
    if (fits) labels.push([key, label]);
  }
  return Object.fromEntries(labels);
}
