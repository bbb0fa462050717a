import { BadLine, BadShape, notAnObject } from '../bad-line.js';
import { createTimeOf } from './create-time.js';
import { Documents } from './documents.js';
import { isMessage } from './recognise.js';
import type { Draft, DraftSpec } from './draft.js';
import { isExact, isList, isObject, type Json, type JsonObject, withValues } from './json.js';
import { readListedTurns } from './turns.js';
import { isOfLog } from './names.js';
import { isSaid, isSentence, namedTextsShape, readTexts } from './named-texts.js';
import { sessionShapes } from './sessions.js';
import type { SessionShape } from './session-shape.js';
import { hole, mayHoldHoles } from './skeleton.js';
import { shapeOf, shapes } from './table.js';

export interface ReadOptions {
  /** Name of the shape of every line; undefined: it is told from the line. */
  readonly format?: string | undefined;
  /** Zone of times that name none. */
  readonly zone?: string | undefined;
  /** True for the only document of its file, such as the settings of a program. */
  readonly alone?: boolean;
}

/** Limit of the fields that a refusal names. */
const namesShownMax = 10;

/** Text that may have a number which JSON readers do not keep exactly. */
const longNumber = /\d{16}|\d[eE]\+?\d/;

/**
 * Reads one document; `json` is the text that it was parsed from.
 * @throws BadLine
 */
export function readDocument(document: Json, json: string, options: ReadOptions): Draft {
  if (longNumber.test(json) && !isExact(document))
    throw new BadLine('it holds a number that JSON readers do not keep exactly');
  const documents = new Documents(mayHoldHoles(json));
  if (isList(document) && document.length > 0 && isMessage(document[0]!)) {
    // A list of messages is a conversation.
    const skeleton = documents.list(document, 'messages');
    const spec = { createTime: createTimeOf(document, options.zone) };
    return { format: 'messages', spec, messages: documents.messages, document: skeleton };
  }
  if (typeof document === 'string' && isSentence(document)) {
    const skeleton = documents.text('text', document);
    return { format: 'text', spec: {}, messages: documents.messages, document: skeleton };
  }
  const turns = isList(document) ? readListedTurns(document, documents) : undefined;
  if (turns !== undefined)
    return { format: 'turns', spec: {}, messages: documents.messages, document: turns };
  if (isList(document) && document.some(isObject)) {
    // A request, its answer, and more of them, in one list.
    const skeleton = documents.anywhere(document, '');
    if (documents.messages.length > 0) {
      const spec = { createTime: createTimeOf(document, options.zone) };
      return { format: 'nested', spec, messages: documents.messages, document: skeleton };
    }
    // An event, with its name before it.
    const texts = readTexts(document, undefined, documents);
    if (documents.messages.length > 0) {
      const spec = { createTime: createTimeOf(document, options.zone) };
      return { format: namedTextsShape.name, spec, messages: documents.messages, document: texts };
    }
  }
  if (!isObject(document))
    throw new BadShape(`${notAnObject}: ${whatItIs(document, json)}`, notAnObject, true);
  const shape = options.format === undefined ? shapeOf(document) : named(options.format, document);
  const isOther = shape === namedTextsShape && options.format === undefined && options.alone === true;
  if (shape === undefined) throw unknownShape(document);
  if (isOther && !isSaid(document)) {
    const { message, kind } = unknownShape(document);
    throw new BadLine(message, kind);
  }
  const read = shape.read(document, { documents, zone: options.zone });
  const spec = { ...read.spec, createTime: createTimeOf(document, options.zone) };
  const kept = withoutSpec(read.document as JsonObject, document, spec);
  return { format: shape.name, messages: documents.messages, spec, document: kept };
}

/**
 * Reads a document that says nothing: it is kept whole. Its id is no conversation's, because other records
 * that say nothing may have the same one.
 */
export function readRecord(document: Json, json: string, { zone }: ReadOptions): Draft {
  const { keep } = new Documents(mayHoldHoles(json));
  const createTime = createTimeOf(document, zone);
  return { format: 'record', spec: { createTime }, messages: [], document: keep(document) };
}

function whatItIs(document: Json, json: string): string {
  return isList(document) ? 'it is a list without messages' : `it begins with ${JSON.stringify(json[0])}`;
}

/**
 * Leaves out of a skeleton what the conversation itself has: so the skeletons of lines that differ in it
 * alone are the same.
 */
function withoutSpec(skeleton: JsonObject, line: JsonObject, spec: DraftSpec): JsonObject {
  const { id, application, model, tokenizer, parentId, metadata } = spec;
  const { expireTimeMs } = spec;
  const expireTime = expireTimeMs === undefined ? undefined : new Date(expireTimeMs).toISOString();
  const known = { application, model, tokenizer, parent_id: parentId, expire_time: expireTime };
  const holes: [string, Json][] = [];
  for (const key of Object.keys(line)) {
    const value = line[key]!;
    // The text of a message has its place already.
    if (typeof value === 'string' && skeleton[key] !== value) continue;
    if (typeof value === 'string' && Object.hasOwn(known, key) && known[key as keyof typeof known] === value)
      holes.push([key, hole('spec', key)]);
    else if (typeof value === 'string' && value === id && idKeys.has(key))
      holes.push([key, hole('spec', 'id')]);
    else if (key === 'metadata' && metadata !== undefined && isObject(value) && areLabels(value, metadata))
      holes.push([key, hole('spec', 'metadata')]);
  }
  return holes.length === 0 ? skeleton : withValues(skeleton, holes);
}

const idKeys = new Set(['id', 'custom_id', 'key', 'request_id', 'conversation_id', 'run_id']);

function areLabels(value: JsonObject, labels: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(value);
  return (
    entries.length === Object.keys(labels).length &&
    entries.every(([key, label]) => Object.hasOwn(labels, key) && labels[key] === label)
  );
}

/** Returns the shape of sessions that a line begins, or is an event of. */
export function sessionShapeOf(line: JsonObject, { format }: ReadOptions): SessionShape | undefined {
  if (format !== undefined) return sessionShapes.find(({ name }) => name === format);
  return sessionShapes.find((shape) => shape.recognise(line));
}

function named(format: string, line: JsonObject) {
  const shape = shapes.find(({ name }) => name === format);
  if (shape !== undefined && !shape.recognise(line)) {
    const seems = shapeOf(line)?.name;
    throw new BadShape(
      `it is not ${format} (${shape.title})${seems === undefined ? '' : `; it seems to be ${seems}`}`,
      `not ${format}`,
      shape === namedTextsShape,
    );
  }
  return shape;
}

const unknown = 'no messages in a shape that is known';

function unknownShape(line: JsonObject): BadShape {
  const { messages } = line;
  if (messages !== undefined && messages !== null && !isList(messages))
    return new BadShape('messages: it is no list of messages', undefined, true);
  const names = Object.keys(line);
  const has = names.length > 0 ? `; the line has ${listed(names)}` : '';
  return new BadShape(
    `it has ${unknown}${has}${seemsToBe(line)} (stowken import --help lists the shapes)`,
    unknown,
    !isOfLog(line),
  );
}

/** Numbers in a row from which a list is most likely an embedding. */
const numbersMin = 16;

/** Returns words on what a line is that is no conversation, where it can be told, and on what to do. */
function seemsToBe(line: JsonObject): string {
  const values = Object.values(line);
  if (values.length === 0) return '';
  const areNumbers = (value: Json) =>
    isList(value) && value.length >= numbersMin && value.every((item) => typeof item === 'number');
  if (isOfLog(line)) return ', and seems to be of the log of a program: leave the file out';
  if (values.some(areNumbers)) return ', and seems to be an embedding, without its text: leave the file out';
  if (values.every((value) => typeof value === 'number'))
    return ', and seems to be measurements: leave the file out';
  return ', and neither sentences nor a question with its answer: leave the file out, or give its texts such names';
}

/** Lists names of fields; of many, the first. */
function listed(names: readonly string[]): string {
  const more = names.length > namesShownMax ? ` and ${names.length - namesShownMax} more` : '';
  const shown = names.slice(0, namesShownMax).map((name) => JSON.stringify(name));
  return `${shown.join(', ')}${more}`;
}
