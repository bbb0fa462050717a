import { BadShape } from '../bad-line.js';
import { seal } from '../../../model/index.js';
import { chatDialect } from './dialects.js';
import type { DraftMessage } from './draft.js';
import {
  areSpoken,
  bodiesOfTrees,
  hasReplies,
  holdsMessages,
  isMessage,
  isPairOfTexts,
  isTextBlock,
  namesModel,
  saysSomething,
  whyNoMessage,
} from './recognise.js';
import { isList, isObject, type Json, type JsonObject, valueOf, withValues } from './json.js';
import { styleOf } from './json-styles.js';
import { isEvent, isTokens, readMessage, roleOf } from './messages.js';
import type { ReadMessage } from './read-message.js';
import { answerInAnswer, pairsInList, placesOfAnswer, placesOfRequest, sayings } from './places.js';
import { withoutRawNumbers } from './raw-number.js';
import { answerKeys, keyOfTokens, promptKeys } from './token-keys.js';
import { addToHole, hole, isLikeHoleKey, literal } from './skeleton.js';
import { isAttribute, roleInSpan } from './spans.js';
import { type Turn, turnsOfTranscript } from './transcript.js';

/** Depth to which a document is searched for messages. */
const depthMax = 12;

/**
 * Takes the messages out of one document, in order. What its methods return is the skeleton of the value
 * that they were given.
 */
export class Documents {
  readonly messages: DraftMessage[] = [];
  /** Dialect in which each message is what it was, if it has no skeleton. */
  readonly #dialects: string[] = [];
  #openList: { readonly made: JsonObject; readonly from: number } | undefined;

  /** `escapes`: true if keys of the document may look like those of holes. */
  constructor(private readonly escapes: boolean) {}

  readonly keep = (value: Json): Json => (this.escapes ? literal(value) : value);

  /** Takes a text as a message, and each turn of a transcript as one; `name`: of who said it. */
  text(role: string, value: Json, name = ''): Json {
    const turns = typeof value === 'string' ? turnsOfTranscript(value) : undefined;
    if (turns !== undefined) return this.#turns(turns);
    const read = readMessage({ role, content: value, ...(name !== '' && { name }) }, this.keep);
    if (read === undefined) return this.keep(value);
    return hole('part', this.#add(read), chatDialect, 'content');
  }

  /**
   * Takes a message whose parts stand elsewhere. Returns their skeletons by the keys under which they stand;
   * `places` has the field of each key, and where it is in that.
   */
  parts(
    message: JsonObject,
    places: readonly (readonly [key: string, ...path: string[]])[],
  ): [string, Json][] {
    const read = readMessage(message, this.keep);
    if (read === undefined) return [];
    const at = this.#add(read);
    return places.map(([key, ...path]) => [key, hole('part', at, chatDialect, ...path)]);
  }

  /** Takes token ids as a message. */
  tokens(role: string, ids: readonly number[]): Json {
    const message = { role, name: '', toolCallId: '', content: ids };
    return hole(
      'part',
      this.#add({ message, dialect: chatDialect, skeleton: undefined }),
      chatDialect,
      'tokens',
    );
  }

  /** Takes token ids as a message, and each of several lists of them as one. */
  tokenLists(role: string, ids: Json): Json {
    if (isTokens(ids)) return this.tokens(role, ids);
    return isList(ids) ? ids.map((each) => this.tokenLists(role, each)) : ids;
  }

  /** Takes one message; undefined if the value is not a message. */
  message(value: Json, role?: string): Json | undefined {
    const read = readMessage(value, this.keep, role);
    return read && hole('message', this.#add(read), read.dialect);
  }

  /** Returns the skeleton of a message that was taken already, where it is said again. */
  again(index: number): Json {
    return hole('message', index, this.#dialects[index] ?? chatDialect);
  }

  /** Takes a list of messages. @throws BadShape if an item is not a message */
  list(values: readonly Json[], at: string): Json {
    this.#close();
    const from = this.messages.length;
    let dialect = '';
    let hasMessage: boolean | undefined;
    for (const [index, value] of values.entries()) {
      let read = readMessage(value, this.keep);
      if (read === undefined && (hasMessage ??= values.some(isMessage))) read = this.#odd(value);
      if (read === undefined) throw new BadShape(`${at}[${index}]: ${whyNoMessage(value)}`);
      if (dialect === '') dialect = read.dialect;
      const differs = read.dialect !== dialect && read.skeleton === undefined;
      this.#push(differs ? { ...read, skeleton: hole('as', read.dialect) } : read);
    }
    // The number of messages is written only if others follow: so it does not change when a history grows.
    const made = hole('messages', from, dialect);
    if (values.length === 0) return [];
    this.#openList = { made, from };
    return made;
  }

  /** Reads an item that is no message, among others that are: it is kept whole. */
  #odd(value: Json): ReadMessage {
    const content = value === null ? '' : seal({ content: JSON.stringify(withoutRawNumbers(value)) });
    const message = { role: '', name: '', toolCallId: '', content };
    return { message, dialect: chatDialect, skeleton: this.keep(value) };
  }

  /** Takes what a value has of messages, wherever it is one, a list of them or a document with some. */
  document(value: Json, role: string, at: string, depth = 0): Json {
    if (depth > depthMax) return this.keep(value);
    if (typeof value === 'string') return this.#embedded(value, role, at, depth) ?? this.text(role, value);
    if (isList(value)) return this.#items(value, role, at, depth);
    if (!isObject(value)) return this.keep(value);
    return this.message(value, role) ?? this.inside(value, role, at, depth);
  }

  /** Takes the messages under the keys of a document that is no message itself. */
  inside(value: JsonObject, role: string, at: string, depth = 0, except: readonly string[] = []): JsonObject {
    const taken: [string, Json][] = [];
    const inAnswer = role === 'assistant';
    const places = inAnswer
      ? [...answerInAnswer, ...placesOfAnswer]
      : [...placesOfRequest, ...placesOfAnswer];
    for (const [key, own] of places) {
      const found = valueOf(value, key);
      if (found === undefined || found === null || except.includes(key)) continue;
      // A text whose token ids are given, too, is kept beside them.
      if (key === 'prompt' && isTokens(valueOf(value, 'prompt_token_ids'))) continue;
      taken.push([key, this.document(found, own, at === '' ? key : `${at}.${key}`, depth + 1)]);
    }
    if (inAnswer) {
      const said = sayings.find((key) => saysSomething(valueOf(value, key)));
      if (said !== undefined)
        taken.push([said, this.document(value[said]!, role, `${at}.${said}`, depth + 1)]);
    }
    return withValues(this.keep(value) as JsonObject, taken);
  }

  /**
   * Takes the messages of a document whose keys are not known, in the order of the document: lists of
   * messages, messages with a role, lists of objects that are a question and its answer, and texts whose JSON
   * holds messages.
   */
  anywhere(value: Json, at: string, depth = 0): Json {
    if (depth > depthMax) return this.keep(value);
    if (typeof value === 'string') return this.#embedded(value, 'user', at, depth) ?? value;
    if (isList(value)) {
      if (value.length > 0 && !value.some(hasReplies) && value.every(isMessage)) return this.list(value, at);
      if (areSpoken(value)) return this.#spoken(value);
      const attributes = value.length > 0 ? this.#attributes(value) : undefined;
      if (attributes !== undefined) return attributes;
      return value.map(
        (item, index) => this.#pair(item) ?? this.anywhere(item, `${at}[${index}]`, depth + 1),
      );
    }
    if (!isObject(value)) return value;
    const tree = depth > 0 ? this.#tree(value) : undefined;
    if (tree !== undefined) return tree;
    if (depth > 0 && (typeof valueOf(value, 'role') === 'string' || isEvent(value))) {
      const message = this.message(value);
      if (message !== undefined) return message;
    }
    const pair = depth > 0 ? (this.#pair(value) ?? this.#step(value)) : undefined;
    if (pair !== undefined) return pair;
    const taken = Object.entries(value).flatMap(([key, item]): [string, Json][] => {
      // A key like that of a hole is another one in the skeleton: its value is kept whole.
      if (isLikeHoleKey(key)) return [];
      const before = this.messages.length;
      const role = roleInSpan(value, key);
      if (role !== undefined && typeof item === 'string') return [[key, this.text(role, item)]];
      const made = this.anywhere(item, at === '' ? key : `${at}.${key}`, depth + 1);
      return this.messages.length === before ? [] : [[key, made]];
    });
    const kept = this.keep(value) as JsonObject;
    return taken.length === 0 ? kept : withValues(kept, taken);
  }

  /** Takes a question and its answer; undefined if the value has another shape. */
  #pair(value: Json): Json | undefined {
    if (!isObject(value)) return undefined;
    const keys = pairsInList.find((pair) => pair.every((key) => typeof valueOf(value, key) === 'string'));
    if (keys === undefined || namesModel(keys[1], value[keys[1]]!)) return undefined;
    const [asked, said] = keys;
    return withValues(this.keep(value) as JsonObject, [
      [asked, this.text('user', value[asked]!)],
      [said, this.text('assistant', value[said]!)],
    ]);
  }

  /** Takes the token ids of one step of a rollout; undefined if the value has none. */
  #step(value: JsonObject): Json | undefined {
    const asked = keyOfTokens(value, promptKeys);
    const said = keyOfTokens(value, answerKeys);
    if (asked === undefined || said === undefined) return undefined;
    return withValues(this.keep(value) as JsonObject, [
      [asked, this.tokenLists('user', value[asked]!)],
      [said, this.tokenLists('assistant', value[said]!)],
    ]);
  }

  #spoken(pairs: readonly (readonly [string, string | null])[]): Json {
    return pairs.map(([speaker, said]) => [
      speaker,
      said === null ? said : this.text(roleOf(speaker.toLowerCase()), said),
    ]);
  }

  /** Takes the turns of a transcript. An empty one, such as the answer that a prompt asks for, says none. */
  #turns(turns: readonly Turn[]): Json {
    const parts = turns.flatMap(({ mark, role, text }): Json[] =>
      text === '' ? [mark] : [mark, this.text(role, text)],
    );
    return hole('joined', parts);
  }

  /** Takes the texts that a span of OpenTelemetry has in a list of keys and values; undefined without any. */
  #attributes(list: readonly Json[]): Json | undefined {
    if (!list.every(isAttribute)) return undefined;
    const values = Object.fromEntries<Json>(
      list.map(({ key, value }) => [key, value['stringValue'] ?? null]),
    );
    const before = this.messages.length;
    const taken = list.map((each): Json => {
      const role = roleInSpan(values, each.key);
      const text = each.value['stringValue'];
      if (role === undefined || typeof text !== 'string') return this.keep(each);
      const value = withValues(this.keep(each.value) as JsonObject, [['stringValue', this.text(role, text)]]);
      return withValues(this.keep(each) as JsonObject, [['value', value]]);
    });
    return this.messages.length === before ? undefined : taken;
  }

  /** Takes a message and the replies to it, in the order of the tree; undefined for a message without any. */
  #tree(value: Json): Json | undefined {
    if (!hasReplies(value)) return undefined;
    const replies = value['replies'] as readonly Json[];
    const bodyKey = bodiesOfTrees.find((key) => typeof valueOf(value, key) === 'string')!;
    const said = this.text(value['role'] as string, value[bodyKey]!);
    return withValues(this.keep(value) as JsonObject, [
      [bodyKey, said],
      ['replies', replies.map((reply) => this.#tree(reply) ?? this.message(reply) ?? this.keep(reply))],
    ]);
  }

  #items(values: readonly Json[], role: string, at: string, depth: number): Json {
    const [first] = values;
    if (isTokens(values) && values.length > 0) return this.tokens(role, values);
    if (first !== undefined && isMessage(first)) return this.list(values, at);
    if (values.length > 0 && values.every(isTextBlock)) return this.text(role, values);
    if (areSpoken(values)) return this.#spoken(values);
    if (values.length > 0 && values.every(isPairOfTexts))
      return values.map((pair) => [this.text('user', pair[0]), this.text('assistant', pair[1])]);
    if (values.every((value) => typeof value === 'string' || isList(value) || isObject(value)))
      return values.map((value, index) => this.document(value, role, `${at}[${index}]`, depth + 1));
    return this.keep(values);
  }

  /** Takes a document that is in a text, if its JSON comes back as it was. */
  #embedded(text: string, role: string, at: string, depth: number): Json | undefined {
    if (!/^\s*[[{]/.test(text)) return undefined;
    let parsed: Json;
    try {
      parsed = JSON.parse(text) as Json;
    } catch {
      return undefined;
    }
    const style = holdsMessages(parsed) ? styleOf(text, parsed) : undefined;
    if (style === undefined) return undefined;
    const before = this.messages.length;
    const skeleton = this.document(parsed, role, at, depth + 1);
    return this.messages.length === before
      ? undefined
      : hole('json', skeleton, ...(style === 'compact' ? [] : [style]));
  }

  #add(read: ReadMessage): number {
    this.#close();
    return this.#push(read);
  }

  #push({ message, dialect, skeleton }: ReadMessage): number {
    this.#dialects.push(dialect);
    return this.messages.push({ ...message, fields: skeleton }) - 1;
  }

  #close(): void {
    if (this.#openList === undefined) return;
    const { made, from } = this.#openList;
    addToHole(made, this.messages.length - from);
    this.#openList = undefined;
  }
}
