import type { Body } from './body.js';
import type { PlainMessage } from './dialects.js';
import { isLabel, type Json, type JsonObject, valueOf } from './json.js';
import { hole } from './skeleton.js';

/** A message of a document, read. */
export interface ReadMessage {
  readonly message: PlainMessage;
  readonly dialect: string;
  /** Undefined if the message is what its dialect says of it. */
  readonly skeleton: Json | undefined;
}

/** Returns a value as a skeleton has it. */
export type Keep = (value: Json) => Json;

/** Places of a text, and of what is said beside it, in the skeleton of their message. */
export function holesOf(
  bodyKey: string,
  body: Body,
  said: readonly (readonly [string, Json])[],
): [string, Json][] {
  const holes = said.map(([field]): [string, Json] => [field, hole('said', field)]);
  return body.skeleton === undefined ? holes : [[bodyKey, body.skeleton], ...holes];
}

/** Returns '' if there is no such label, and undefined if there is one that has to be kept as it is. */
export function labelOf(value: JsonObject, key: string, bytesMax: number): string | undefined {
  const label = valueOf(value, key);
  if (label === undefined) return '';
  const fits = typeof label === 'string' && label !== '' && isLabel(label, bytesMax);
  return fits ? label : undefined;
}

export function keepObject(value: JsonObject, keep: Keep): JsonObject {
  return keep(value) as JsonObject;
}
