import type { ConversationSpec, MessageRecord } from '../model/index.js';

/** A conversation's content as one string: equal strings, equal content. Token counts follow from the hashes. */
export function contentKey(spec: ConversationSpec, messages: Iterable<MessageRecord>): string {
  const { id, application, model, tokenizer, parentId, expireTimeMs } = spec;
  return JSON.stringify([
    [id, application, model, tokenizer, parentId, expireTimeMs ?? null],
    sortedEntries(spec.metadata),
    Array.from(messages, ({ role, name, toolCallId, segments }) => [
      role,
      name,
      toolCallId,
      segments.map(({ hash }) => hash),
    ]),
  ]);
}

/** Metadata in an order of its own, so that equal metadata is equal bytes. */
export function sortedEntries(metadata: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The distinct hashes that messages name, in order of first appearance. */
export function distinctHashes(messages: Iterable<MessageRecord>): Set<string> {
  const hashes = new Set<string>();
  for (const { segments } of messages) for (const { hash } of segments) hashes.add(hash);
  return hashes;
}
