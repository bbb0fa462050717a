import { createHash } from 'node:crypto';
import { isWritten, unpackedOf } from './data.js';
import { isList, isObject, type Json, type JsonObject } from './json.js';
import { hole } from './skeleton.js';

/** Content of a message, read. */
export interface Body {
  /** Text, null for none, or blocks of which some are no text. */
  readonly said: string | null | readonly Json[];
  /** Skeleton of the value that it was read from; undefined if the value itself has to be kept. */
  readonly skeleton: Json | undefined;
  /** True if what is said is the value as it was. */
  readonly plain: boolean;
}

const textTypes = new Set(['text', 'input_text', 'output_text', 'summary_text', 'reasoning_text', 'refusal']);

const whole = hole('said', 'content');

/**
 * Reads the content of a message: text, nothing, a list of texts and blocks, or any other value, whose JSON
 * is the text then. Texts of a list are joined, as chat templates do; with other blocks between them, the
 * list is what is said.
 */
export function readBody(value: Json | undefined, keep: (value: Json) => Json): Body {
  if (typeof value === 'string') return textBody(value);
  if (value === null || value === undefined) return { said: null, skeleton: undefined, plain: false };
  if (isList(value) && value.every(isText)) return joinedBody(value, keep);
  if (isList(value) && value.every(isObject)) return blocksBody(value, keep);
  return { said: JSON.stringify(value), skeleton: undefined, plain: false };
}

/** Half of a surrogate pair has no UTF-8: U+FFFD is said in its place, and the value itself is kept. */
function textBody(text: string): Body {
  if (isWellFormed(text)) return { said: text, skeleton: whole, plain: true };
  return { said: text.replace(lone, '\ufffd'), skeleton: undefined, plain: false };
}

const lone = /\p{Surrogate}/gu;

function isWellFormed(text: string): boolean {
  lone.lastIndex = 0;
  return !lone.test(text);
}

type Text = string | JsonObject;

/** Keys of the text of a block: LLaMA-Factory says "value". */
const keysOfText = ['text', 'value'] as const;

function keyOf(block: JsonObject): string | undefined {
  return keysOfText.find((key) => typeof block[key] === 'string');
}

function textIn(part: Text): string {
  return typeof part === 'string' ? part : (part[keyOf(part)!] as string);
}

/** True for a text, and for a block that is a text and at most details of it. */
function isText(value: Json): value is Text {
  if (typeof value === 'string') return true;
  const key = isObject(value) ? keyOf(value) : undefined;
  if (!isObject(value) || key === undefined) return false;
  const { type, thought } = value;
  if (type === undefined) return key === 'text' && thought === undefined && Object.keys(value).length === 1;
  return typeof type === 'string' && textTypes.has(type);
}

function joinedBody(parts: readonly Text[], keep: (value: Json) => Json): Body {
  const text = parts.map(textIn).join('');
  const { said, skeleton } = textBody(text);
  if (skeleton === undefined) return { said, skeleton, plain: false };
  let from = 0;
  const holes = parts.map((part) => {
    const { length } = textIn(part);
    const slice = parts.length === 1 ? whole : hole('slice', from, (from += length));
    return typeof part === 'string' ? slice : { ...(keep(part) as JsonObject), [keyOf(part)!]: slice };
  });
  return { said, skeleton: holes, plain: false };
}

/** Long data in blocks, such as an image, is not said: a name of its bytes stands for it, and it is kept. */
function blocksBody(blocks: readonly JsonObject[], keep: (value: Json) => Json): Body {
  const said = blocks.map(withoutData);
  const plain = said.every((block, index) => block === blocks[index]);
  const skeleton = said.map((block, index) =>
    block === blocks[index] ? hole('said', 'content', index) : keep(blocks[index]!),
  );
  return { said, skeleton, plain };
}

const dataCharactersMin = 512;
const dataUrl = /^data:([^;,]*)[^,]{0,200};base64,/;

/** Returns the very same value if it has no long data. */
function withoutData(value: Json): Json {
  if (typeof value === 'string') return isData(value) ? nameOfData(value) : value;
  if (isList(value)) {
    const items = value.map(withoutData);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutData(item)] as const);
  return entries.every(([key, item]) => item === value[key]) ? value : Object.fromEntries(entries);
}

function isData(text: string): boolean {
  return text.length >= dataCharactersMin && (dataUrl.test(text) || isWritten(text, /[^A-Za-z0-9+/_-]/));
}

function nameOfData(text: string): string {
  const type = dataUrl.exec(text)?.[1];
  const hash = unpackedOf(text)?.sha256 ?? createHash('sha256').update(text).digest('hex');
  return `${type === undefined || type === '' ? 'data' : type}:sha256:${hash}`;
}
