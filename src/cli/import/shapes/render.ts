import type { DataOf } from './data.js';
import { inDialect, type PlainMessage, saidIn } from './dialects.js';
import { isList, isObject, type Json, rawNumber } from './json.js';
import { writeJson } from './json-styles.js';
import { sessionShapes } from './sessions.js';
import { fill, type HoleParts } from './skeleton.js';

/** A message as it is stored, with its skeleton. */
export interface StoredMessage extends PlainMessage {
  readonly fields: Json | undefined;
}

/** Fields of a conversation that its document has too, by the key in a hole. */
export type StoredSpec = Readonly<
  Record<'id' | 'application' | 'model' | 'tokenizer' | 'parent_id' | 'expire_time', string>
> & {
  readonly metadata: Readonly<Record<string, string>>;
};

/** Error for a document that names a message which is not there, as in a fork of its beginning. */
export class MissingMessage extends RangeError {}

/**
 * Returns the documents that a conversation was read from: one, or the events of a session. `onUse` is given
 * the messages that they need: those before this index.
 */
export function documentsOf(
  format: string,
  document: Json,
  spec: StoredSpec,
  messages: readonly StoredMessage[],
  data: DataOf = new Map(),
  onUse: (end: number) => void = () => undefined,
): Json[] {
  const filledMessage = (message: StoredMessage, dialect: string) => fillMessage(message, dialect, data);
  if (sessionShapes.some(({ name }) => name === format)) {
    // Others stand for a session that says nothing, or were added by another way than an import.
    const isOfSession = ({ fields }: StoredMessage) => fields !== undefined;
    const events = messages.filter(isOfSession).flatMap((message) => listOf(filledMessage(message, '')));
    onUse(messages.findLastIndex(isOfSession) + 1);
    const inRest = (parts: HoleParts): Json => inAny(parts, data, inRest);
    return [...events, ...listOf(fill(document, inRest))];
  }
  const inDocument = (parts: HoleParts): Json => {
    const [kind, first, second, third, ...path] = parts;
    const at = first as number;
    switch (kind) {
      case 'messages': {
        const end = typeof third === 'number' ? at + third : messages.length;
        if (end > at) messageAt(messages, end - 1);
        onUse(end);
        return messages.slice(at, end).map((message) => filledMessage(message, second as string));
      }
      case 'message':
        onUse(at + 1);
        return filledMessage(messageAt(messages, at), second as string);
      case 'part': {
        onUse(at + 1);
        const filled = filledMessage(messageAt(messages, at), second as string);
        return [third!, ...path].reduce<Json>(valueIn, filled);
      }
      case 'spec':
        return spec[first as keyof StoredSpec];
      case 'joined':
        return (first as readonly Json[])
          .map((part) => (isObject(part) ? (fill(part, inDocument) as string) : (part as string)))
          .join('');
      case 'json':
        return writeJson(fill(first!, inDocument), second);
      default:
        return inAny(parts, data, inDocument);
    }
  };
  return [fill(document, inDocument)];
}

function listOf(value: Json): readonly Json[] {
  return isList(value) ? value : [value];
}

function messageAt(messages: readonly StoredMessage[], index: number): StoredMessage {
  const message = messages[index];
  if (message === undefined)
    throw new MissingMessage(`the fields name message ${index} of ${messages.length}`);
  return message;
}

function fillMessage(message: StoredMessage, dialect: string, data: DataOf): Json {
  const { content, fields } = message;
  if (fields === undefined) return inDialect(dialect, message);
  const said: Json = typeof content === 'string' ? saidIn(content) : { content };
  const inMessage = (parts: HoleParts): Json => {
    const [kind, ...rest] = parts;
    switch (kind) {
      case 'tokens':
        return content;
      case 'said':
        return rest.reduce<Json>(valueIn, said);
      case 'slice':
        return textIn(said).slice(rest[0] as number, rest[1] as number);
      case 'as':
        return inDialect(rest[0] as string, message);
      default:
        return inAny(parts, data, inMessage);
    }
  };
  return fill(fields, inMessage);
}

function valueIn(value: Json, key: Json): Json {
  if (isList(value)) return value[key as number] ?? null;
  return isObject(value) ? (value[key as string] ?? null) : null;
}

function textIn(said: Json): string {
  const content = valueIn(said, 'content');
  return typeof content === 'string' ? content : '';
}

type InHole = (parts: HoleParts) => Json;

/** Fills a hole that may be anywhere: an attachment, or a number. `inHole` fills those in an attachment. */
function inAny([kind, ...rest]: HoleParts, data: DataOf, inHole: InHole): Json {
  if (kind === 'data' || kind === 'packed') {
    const [sha256, prefix] = rest as [string, string?];
    const bytes = data.get(sha256);
    if (bytes === undefined)
      throw new RangeError(`the fields name an attachment that is not there: ${sha256}`);
    const kept = Buffer.from(bytes);
    if (kind === 'data') return `${prefix}${kept.toString('base64')}`;
    return fill(JSON.parse(kept.toString()) as Json, inHole);
  }
  if (kind === 'number') return rawNumber(rest[0] as string);
  throw new RangeError(`the fields have a hole of an unknown kind: ${kind}`);
}
