import { seal } from '../../../model/index.js';
import { agentSessionShapes } from './agent-sessions.js';
import { type CreateTime, createTimeOf } from './create-time.js';
import { Documents } from './documents.js';
import type { Draft, DraftMessage } from './draft.js';
import { isObject, type Json, type JsonObject, textOf, valueOf, withValues } from './json.js';
import { readMessage } from './messages.js';
import type { SessionShape } from './session-shape.js';
import { sillyTavernShape } from './silly-tavern.js';
import { hole } from './skeleton.js';
import { streamShape } from './streams.js';

const claudeTypes = new Set([
  'summary',
  'file-history-snapshot',
  'queue-operation',
  'custom-title',
  'ai-title',
]);
const codexTypes = new Set(['session_meta', 'response_item', 'event_msg', 'turn_context', 'compacted']);

export const sessionShapes: readonly SessionShape[] = [
  {
    name: 'claude-code',
    title: 'Claude Code sessions: an event a line',
    recognise: (line) =>
      typeof line['type'] === 'string' &&
      ((typeof line['sessionId'] === 'string' &&
        (Object.hasOwn(line, 'uuid') || claudeTypes.has(line['type']))) ||
        (line['type'] === 'summary' && Object.hasOwn(line, 'leafUuid')) ||
        line['type'] === 'file-history-snapshot'),
    continues: (line) => claudeTypes.has(textOf(line, 'type') ?? '') || typeof line['sessionId'] === 'string',
    sessionOf: (line) => {
      const session = textOf(line, 'sessionId');
      const agent = line['isSidechain'] === true ? textOf(line, 'agentId') : undefined;
      return session === undefined || agent === undefined ? session : `${session}/${agent}`;
    },
    messageKey: (line) => (isObject(valueOf(line, 'message')) ? 'message' : undefined),
    modelOf: (line) => {
      const message = valueOf(line, 'message');
      const model = isObject(message) ? textOf(message, 'model') : undefined;
      return model === '<synthetic>' ? undefined : model;
    },
  },
  {
    name: 'codex',
    title: 'Codex sessions: an event a line',
    recognise: (line) =>
      (codexTypes.has(textOf(line, 'type') ?? '') && isObject(valueOf(line, 'payload'))) ||
      Object.hasOwn(line, 'record_type') ||
      (Object.hasOwn(line, 'instructions') &&
        Object.hasOwn(line, 'timestamp') &&
        !Object.hasOwn(line, 'input')),
    continues: (line) => typeof line['type'] === 'string',
    sessionOf: (line) => {
      const payload = valueOf(line, 'payload');
      if (line['type'] === 'session_meta') return isObject(payload) ? textOf(payload, 'id') : undefined;
      return Object.hasOwn(line, 'instructions') ? textOf(line, 'id') : undefined;
    },
    messageKey: (line) => {
      if (line['type'] === 'response_item') return 'payload';
      return isObject(valueOf(line, 'payload')) || Object.hasOwn(line, 'record_type') ? undefined : '';
    },
    modelOf: (line) => {
      const payload = valueOf(line, 'payload');
      return isObject(payload) ? textOf(payload, 'model') : undefined;
    },
  },
  ...agentSessionShapes,
  streamShape,
  sillyTavernShape,
];

/** Session whose events come one by one. */
export class OpenSession {
  readonly #messages: DraftMessage[] = [];
  /** Events since the last message; they are fields of the next one, or of the conversation. */
  #between: Json[] = [];
  /** Text that came in pieces, with the events that had them. */
  #said = '';
  #pieces: Json[] = [];
  #hasEnded = false;
  #id: string | undefined;
  #model: string | undefined;
  #createTime: CreateTime;
  readonly #keep: (value: Json) => Json = new Documents(true).keep;

  constructor(
    readonly shape: SessionShape,
    private readonly zone?: string,
  ) {}

  /** True if the event names this session. */
  isNamedBy(event: JsonObject): boolean {
    return this.#id !== undefined && this.shape.sessionOf(event) === this.#id;
  }

  /** Returns false if the event is of another session, or of none. */
  add(event: JsonObject): boolean {
    const { shape } = this;
    if (!shape.recognise(event) && !shape.continues(event)) return false;
    const id = shape.sessionOf(event);
    if (id !== undefined && this.#id !== undefined && id !== this.#id) return false;
    if (this.#hasEnded && shape.says?.(event)) return false;
    if (shape.mayMingle && id !== this.#id && !this.#isForAny()) return false;
    this.#id ??= id;
    this.#hasEnded ||= shape.ends?.(event) ?? false;
    this.#model ??= shape.modelOf(event);
    if (typeof this.#createTime !== 'number')
      this.#createTime = createTimeOf(event, this.zone) ?? this.#createTime;
    if (this.#addPiece(event)) return true;
    const message = this.#messageIn(event);
    if (message === undefined) this.#between.push(this.#keep(event));
    else {
      this.#messages.push(message);
      this.#between = [];
    }
    return true;
  }

  /** True if no event has named this session, nor said a piece: the next one may name it. */
  #isForAny(): boolean {
    return this.#id === undefined && this.#said === '';
  }

  /** Takes an event of a text that comes in pieces: they become one message. */
  #addPiece(event: JsonObject): boolean {
    const kept = this.shape.pieceOf?.(event, (text) => {
      const from = this.#said.length;
      this.#said += text;
      return hole('slice', from, this.#said.length);
    });
    if (kept === undefined) return false;
    this.#pieces.push(...this.#between, kept);
    this.#between = [];
    return true;
  }

  finish(): Draft {
    if (this.#said !== '') {
      const message = { role: 'assistant', name: '', toolCallId: '', content: seal({ content: this.#said }) };
      this.#messages.push({ ...message, fields: this.#pieces });
    } else this.#between.unshift(...this.#pieces);
    return {
      format: this.shape.name,
      spec: { id: this.#id, model: this.#model, createTime: this.#createTime },
      messages: this.#messages,
      document: this.#between,
    };
  }

  #messageIn(event: JsonObject): DraftMessage | undefined {
    const key = this.shape.messageKey(event);
    if (key === undefined) return undefined;
    const read = readMessage(key === '' ? event : event[key]!, this.#keep);
    if (read === undefined) return undefined;
    const inner = read.skeleton ?? hole('as', read.dialect);
    const skeleton = key === '' ? inner : withValues(this.#keep(event) as JsonObject, [[key, inner]]);
    return { ...read.message, fields: [...this.#between, skeleton] };
  }
}
