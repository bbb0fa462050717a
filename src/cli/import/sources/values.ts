import { type Line, lineBatches } from '../../jsonl/read-lines.js';

const quote = 0x22;
const backslash = 0x5c;
const newline = 0x0a;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);

/** Size of the beginning of a text that decides how it is split. */
const headBytesMax = 1024 * 1024;

/**
 * Yields the JSON documents of a text, those that end in a chunk together, with the lines on which they
 * begin: its lines; or the elements of the array, or the values one after the other, that it spreads over
 * several lines. An array of arrays' elements is one too.
 */
export async function* documentBatches(
  source: AsyncIterable<Buffer>,
  bytesMax: number,
): AsyncGenerator<readonly Line[], void, void> {
  const { head, rest } = await peekLines(source);
  const form = formOf(head);
  if (form === 'lines') yield* lineBatches(rest, bytesMax);
  else yield* valueBatches(rest, bytesMax, form === 'elements' ? 1 : 0);
}

/** Beginning of a list of messages: one names its speaker first, those of LangChain their type or class. */
const ofMessage =
  /^\s*\[\s*\{\s*"(?:(?:role|from|author)"\s*:|type"\s*:\s*"(?:human|ai|system)"\s*,\s*"data"|lc"\s*:\s*\d)/;

type Form = 'lines' | 'elements' | 'values';

/** Distinguishes lines from JSON that is spread over them by the first two lines that are not blank. */
function formOf(head: string): Form {
  const [first = '', second = ''] = head.split('\n').filter((line) => line.trim() !== '');
  const start = first.trimStart()[0];
  if (start === '[') {
    // A list of messages is a conversation: its lines are such lists. Any other array holds conversations.
    if (ofMessage.test(head)) return isWhole(first) ? 'lines' : 'values';
    // So are lists of texts, each on its line, and empty ones among them.
    const isListed = /^\s*\[\s*["[\]]/.test(first) && isWhole(first) && second !== '';
    return isListed ? 'lines' : 'elements';
  }
  if (start !== '{') return 'lines';
  if (isWhole(first)) return hasSeveral(first) ? 'values' : 'lines';
  // One line that is cut does not make the next one part of it.
  return second.startsWith('{') && second.length > 1 ? 'lines' : second === '' ? 'lines' : 'values';
}

/** True for objects one after the other in one line. */
function hasSeveral(text: string): boolean {
  if (!/\}\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

function isWhole(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === backslash) at++;
      else if (code === quote) inText = false;
    } else if (code === quote) inText = true;
    else if (openers.has(code)) depth++;
    else if (closers.has(code)) depth--;
  }
  return depth === 0 && !inText;
}

/** Splits values at a depth: 0 for those of the text, 1 for the elements of its array. */
async function* valueBatches(
  source: AsyncIterable<Buffer>,
  bytesMax: number,
  outside: 0 | 1,
): AsyncGenerator<readonly Line[], void, void> {
  let depth = 0;
  let inText = false;
  let escaped = false;
  let line = 1;
  let begun: number | undefined;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const hold = (piece: Buffer) => {
    heldBytes += piece.length;
    if (heldBytes > bytesMax) held = [];
    else held.push(piece);
  };
  const release = (): Line => {
    const bytes = heldBytes > bytesMax ? undefined : Buffer.concat(held);
    const number = begun!;
    held = [];
    heldBytes = 0;
    begun = undefined;
    return { number, bytes };
  };
  for await (const chunk of source) {
    const values: Line[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === newline) line++;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inText = false;
        continue;
      }
      if (begun === undefined) {
        if (isBlank(byte) || (outside === 1 && byte === comma)) continue;
        if (outside === 1 && depth === 0 && openers.has(byte)) {
          depth = 1;
          continue;
        }
        if (outside === 1 && depth === 1 && closers.has(byte)) {
          depth = 0;
          continue;
        }
        begun = line;
        from = at;
      }
      if (byte === quote) inText = true;
      else if (openers.has(byte)) depth++;
      else if (closers.has(byte)) {
        depth--;
        if (depth > outside) continue;
        if (depth < outside) {
          // The element before the end of the array is no object and no list.
          hold(chunk.subarray(from, at));
          depth = 0;
        } else hold(chunk.subarray(from, at + 1));
        values.push(release());
      } else if (depth === outside && byte === comma) {
        hold(chunk.subarray(from, at));
        values.push(release());
      }
    }
    if (begun !== undefined) hold(chunk.subarray(from));
    if (values.length > 0) yield values;
  }
  if (begun !== undefined) yield [release()];
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === newline || byte === 0x0d;
}

/** Returns the first lines, as far as they decide anything, and an iterable of everything. */
async function peekLines(
  source: AsyncIterable<Buffer>,
): Promise<{ readonly head: string; readonly rest: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let bytes = 0;
  let head = '';
  for (;;) {
    const next = await iterator.next();
    if (next.done) break;
    pieces.push(next.value);
    bytes += next.value.length;
    head = Buffer.concat(pieces).toString();
    if (bytes >= headBytesMax || head.trimStart().split('\n', 3).length > 2) break;
  }
  async function* rest() {
    yield* pieces;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rest: rest() };
}
