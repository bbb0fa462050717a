import { createHash } from 'node:crypto';
import { type ConversationSpec, limits, type MessageRecord } from '../../model/index.js';
import type { RequestMark } from '../../storage/index.js';

const digestDigits = 32;

/**
 * Digest that distinguishes a request from every other: its method, its fields as the client sent them, and
 * the contents of its messages by their segments. An absent id stays absent here: a retry then gets the id
 * that was made first.
 */
export class RequestDigest {
  readonly #hash = createHash('sha256');

  constructor(method: string, fields: readonly unknown[]) {
    this.#hash.update(JSON.stringify([method, ...fields.map((field) => field ?? null)]));
  }

  add({ role, name, toolCallId, segments, fieldSegments = 0 }: MessageRecord): void {
    const fields = fieldSegments > 0 ? [fieldSegments] : [];
    this.#hash.update(JSON.stringify([role, name, toolCallId, segments.map(({ hash }) => hash), ...fields]));
  }

  mark(id: string, nowMs: number): RequestMark {
    const digest = this.#hash.digest('hex').slice(0, digestDigits);
    return { id, digest, notBeforeMs: nowMs - limits.requestIdMemoryMs, timeMs: nowMs };
  }
}

/** Returns the request as a part of a change; none if the client gave it no id. */
export function requestPart(
  requestId: string | undefined,
  nowMs: number,
  method: string,
  fields: readonly unknown[],
  messages: readonly MessageRecord[] = [],
): { readonly request?: RequestMark } {
  if (requestId === undefined) return {};
  const digest = new RequestDigest(method, fields);
  for (const message of messages) digest.add(message);
  return { request: digest.mark(requestId, nowMs) };
}

/** Returns a spec's fields with metadata sorted, because the order of metadata has no meaning. */
export function specFields(spec: ConversationSpec): unknown[] {
  const metadata = Object.entries(spec.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const { id, application, model, tokenizer, parentId, expireTimeMs, createTimeMs } = spec;
  const times = createTimeMs === undefined ? [] : [createTimeMs];
  return [id, application, model, tokenizer, parentId, expireTimeMs, metadata, ...times];
}
