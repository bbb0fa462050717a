import { isList, isObject, type Json, type JsonObject } from './json.js';

/**
 * A skeleton is a JSON document without the texts that became messages: each left a hole. What a line has
 * beside its messages is kept so, and filling the holes gives the line back.
 *
 * A hole is an object {"$stowken": [kind, ...]}. A key of the document that looks like that one, with any
 * number of dollar signs, has one more of them in the skeleton.
 */
const holeKey = '$stowken';
const likeHoleKey = /^\$+stowken$/;

/** Parts of a hole: its kind, and what that needs. */
export type HoleParts = readonly [kind: string, ...rest: Json[]];

export function hole(...parts: HoleParts): JsonObject {
  return { [holeKey]: parts };
}

/** True for the hole of a field that the conversation itself has. */
export function isHoleOfSpec(value: Json, field: string): boolean {
  const parts = isObject(value) && Object.hasOwn(value, holeKey) ? value[holeKey] : undefined;
  return isList(parts) && parts[0] === 'spec' && parts[1] === field;
}

/** Adds a part to a hole that is in a skeleton already. */
export function addToHole(made: JsonObject, part: Json): void {
  (made[holeKey] as Json[]).push(part);
}

/** True for a key that a skeleton has with one more dollar sign. */
export function isLikeHoleKey(key: string): boolean {
  return likeHoleKey.test(key);
}

/** A character of such a key, written as its code: "\\u006b" is "k". */
const escapedCharacter = /\\u00(?:24|6[5bef]|7[347])/i;

/** True if text of JSON may have keys that `literal` must change. */
export function mayHoldHoles(json: string): boolean {
  return json.includes('stowken"') || escapedCharacter.test(json);
}

/** Returns a value of a document as it is in a skeleton. */
export function literal(value: Json): Json {
  return mapKeys(value, (key) => (likeHoleKey.test(key) ? `$${key}` : key));
}

/** Fills the holes of a skeleton. */
export function fill(skeleton: Json, inHole: (parts: HoleParts) => Json): Json {
  if (isList(skeleton)) return skeleton.map((item) => fill(item, inHole));
  if (!isObject(skeleton)) return skeleton;
  const parts = Object.hasOwn(skeleton, holeKey) ? skeleton[holeKey] : undefined;
  if (isList(parts)) return inHole(parts as HoleParts);
  return Object.fromEntries<Json>(
    Object.entries(skeleton).map(([key, value]) => [
      likeHoleKey.test(key) ? key.slice(1) : key,
      fill(value, inHole),
    ]),
  );
}

function mapKeys(value: Json, map: (key: string) => string): Json {
  if (isList(value)) return value.map((item) => mapKeys(item, map));
  if (!isObject(value)) return value;
  return Object.fromEntries<Json>(Object.entries(value).map(([key, item]) => [map(key), mapKeys(item, map)]));
}
