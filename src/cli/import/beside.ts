import { createHash } from 'node:crypto';
import {
  isClientError,
  type StoreRequest,
  type StoreResult,
  type StowkenClient,
} from '../../client/index.js';
import { limits } from '../../model/index.js';
import { isSaid } from './fields.js';
import { type ConflictOptions, otherContent, settle } from './conflict.js';
import { type Draft, isHoleOfSpec, isObject, isOfRows, type Json, type JsonObject } from './shapes/index.js';
import { type RecordDefaults, toStoreRequest } from './to-store.js';

/** Limit of the ids of an import that are remembered: lines of one id are most often near each other. */
const idsMax = 100_000;

/** Shapes of conversations of which a branch may have the id that it had before. */
const branching: ReadonlySet<string> = new Set(['sillytavern']);

/** Outcome for a conversation whose id was stored; `beside`: it is stored under another one. */
export interface Outcome {
  readonly result: StoreResult | 'unchanged';
  readonly beside: boolean;
}

/**
 * Conversations whose ids are stored already. An id that names a row of a data set, or of which this import
 * had another line, is no conversation's alone: other content is stored beside, under an id of its own.
 */
export class Conflicts {
  readonly #ids = new Set<string>();

  constructor(
    private readonly client: StowkenClient,
    private readonly rulesNow: () => ConflictOptions & RecordDefaults,
  ) {}

  /** Remembers that a line of this id was met; true if there was another one. */
  meet(id: string): boolean {
    const wasMet = this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size > idsMax) this.#ids.delete(this.#ids.values().next().value!);
    return wasMet;
  }

  /** Settles what became of a conversation. @throws BadLine for other content that must not stand beside */
  async settle(request: StoreRequest, draft: Draft, wasMet: boolean): Promise<Outcome> {
    const { client } = this;
    const rules = this.rulesNow();
    // Lines that say nothing do not grow either: each has news of its own.
    const doesNotGrow = isOfRows(draft.format) || !draft.messages.some(isSaid);
    const keepsEach = wasMet && rules.onConflict === 'append' && doesNotGrow;
    const result = await settle(client, request, draft, { ...rules, keepsEach });
    if (result !== 'other content') return { result, beside: false };
    const isOfMany = isOfRows(draft.format) || branching.has(draft.format) || hasNumber(draft);
    const mayStand = rules.onConflict === 'append' && (wasMet || isOfMany);
    const own = mayStand ? withOwnId(draft) : undefined;
    if (own === undefined) throw otherContent(request, rules.onConflict);
    const ownRequest = toStoreRequest(own, rules).request;
    try {
      return { result: await client.store(ownRequest), beside: true };
    } catch (error) {
      if (!isClientError(error, 'CONVERSATION_EXISTS')) throw error;
      const again = await settle(client, ownRequest, own, { ...rules, keepsEach });
      if (again === 'other content') throw otherContent(ownRequest, rules.onConflict);
      return { result: again, beside: again !== 'unchanged' };
    }
  }
}

/** True for an id that its line has as a number: it counts lines, and every file has its own. */
function hasNumber({ spec, document }: Draft): boolean {
  return isObject(document) && Object.values(document).some((value) => isIdNumber(value, spec.id));
}

function isIdNumber(value: Json, id: string | undefined): boolean {
  return typeof value === 'number' && String(value) === id;
}

/** Returns a conversation under an id that its content makes; undefined if that would be too long. */
function withOwnId(draft: Draft): Draft | undefined {
  const { spec, document, messages } = draft;
  const { id } = spec;
  if (id === undefined) return undefined;
  const hash = createHash('sha256')
    .update(JSON.stringify([messages, document, spec]))
    .digest('hex');
  const own = `${id}~${hash.slice(0, 12)}`;
  if (Buffer.byteLength(own) > limits.conversationIdBytesMax) return undefined;
  // The line keeps the id that it has.
  const kept = isObject(document) ? withId(document, id) : document;
  return { ...draft, spec: { ...spec, id: own }, document: kept };
}

function withId(document: JsonObject, id: string): JsonObject {
  return Object.fromEntries<Json>(
    Object.entries(document).map(([key, value]) => [key, isHoleOfSpec(value, 'id') ? id : value]),
  );
}
