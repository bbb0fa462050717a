import type { Json } from './json.js';

/**
 * Ways to write JSON into a text: as JavaScript does; as Python does, with blanks behind commas and colons;
 * and as Python does by default, which writes what is no ASCII as codes, too.
 */
const writers = {
  compact: (value: Json) => JSON.stringify(value),
  spaced,
  ascii: (value: Json) => spaced(value).replace(/[\x7f-\uffff]/g, codeOf),
} as const;

type JsonStyle = keyof typeof writers;

const styles = Object.keys(writers) as readonly JsonStyle[];

/** Returns the way in which a text was written, of which `value` was parsed; undefined for any other way. */
export function styleOf(text: string, value: Json): JsonStyle | undefined {
  return styles.find((style) => writers[style](value) === text);
}

/** Writes a value in the way of that name; without one, compact. */
export function writeJson(value: Json, style: Json = 'compact'): string {
  const known = styles.find((each) => each === style);
  if (known === undefined) throw new RangeError(`JSON has no style ${JSON.stringify(style)}`);
  return writers[known](value);
}

/** Texts of JSON have no line breaks: all that an indented value has are those between its parts. */
function spaced(value: Json): string {
  return JSON.stringify(value, null, 1).replace(/,\n */g, ', ').replace(/\n */g, '');
}

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
