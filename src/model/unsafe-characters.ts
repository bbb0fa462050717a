/**
 * Characters that act on a terminal, or hide in it, instead of being seen: controls (C0, DEL, C1), marks and
 * overrides of writing direction, line and paragraph separators, characters without width, and lone halves of
 * surrogate pairs. Joiners (U+200C, U+200D) and variation selectors are not among them: scripts and emoji
 * need them.
 */
const unsafe =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/gu;

/** True if text has a character that acts on a terminal or cannot be seen. */
export function isUnsafe(text: string): boolean {
  unsafe.lastIndex = 0;
  return unsafe.test(text);
}

/** Returns text for one line of a terminal. Unsafe characters are shown as \u{...}. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Returns text for several lines of a terminal: line feeds and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}

/**
 * Returns a value as JSON, on one line. Unsafe characters are written as \uXXXX: the value read from it is
 * the same. Every line of JSON that is printed or logged is made here.
 */
export function toJson(value: object): string {
  return escapeJson(JSON.stringify(value));
}

/**
 * Escapes existing lines of JSON in the same way. Line feeds stay: in JSON they occur only between values.
 */
export function escapeJson(json: string): string {
  return json.replace(unsafe, (character) => (character === '\n' ? character : `\\u${hex4(character)}`));
}

/**
 * Quotes a word for a POSIX shell, unless none of its characters is special. Unsafe characters need the
 * $'...' of bash, zsh and ksh.
 */
export function shellWord(text: string): string {
  if (isUnsafe(text)) {
    const quoted = text.replace(/[\\']/g, '\\$&').replace(unsafe, (character) => `\\u${hex4(character)}`);
    return `$'${quoted}'`;
  }
  return /^[\p{L}\p{M}\p{N}\p{So}\p{Cf}\u{1f3fb}-\u{1f3ff}%+,./:=@_-]+$/u.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Every unsafe character is below U+10000. */
function hex4(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}
