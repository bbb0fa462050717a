import { contentSegments, fieldSegmentsOf } from '../../../model/index.js';
import type { ConversationSnapshot, StoredMessage } from '../../contract/queries.js';
import { type BlockId, keyOf } from '../tables/ids.js';
import type { StoredManifest } from './conversations.js';
import type { StringOf } from './manifest.js';
import type { ListedMessage, ListedSegment } from './message-list.js';
import { locateToken, messagesOf } from './stored-list.js';

/**
 * Creates a snapshot of a conversation's revision from its record: a few bytes for each block, and the tail.
 * A block is read when the iteration reaches it; it is kept by the lease that `release` ends.
 */
export function createSnapshot(
  { conversation, list }: StoredManifest,
  blockOf: (id: BlockId) => Uint8Array,
  nameOf: StringOf,
  release: () => void,
): ConversationSnapshot {
  const read = sequentialRead((from) => messagesOf(list, blockOf, nameOf, from));
  return {
    conversation,
    read: async (from, messagesMax) => read(from, messagesMax).map(toStoredMessage),
    locate: async (tokenOffset) => locateToken(list, blockOf, nameOf, tokenOffset),
    release,
  };
}

/**
 * Reads ranges of a list that can be iterated from any position. A range that begins where the last one ended
 * goes on with the same iterator. So reading a list range by range costs what one iteration costs.
 */
function sequentialRead<T>(
  iterateFrom: (from: number) => Iterator<T>,
): (from: number, itemsMax: number) => T[] {
  let position = 0;
  let iterator: Iterator<T> | undefined;
  return (from, itemsMax) => {
    const items: T[] = [];
    const current = from === position && iterator !== undefined ? iterator : iterateFrom(from);
    // An iterator that has thrown ends quietly when it is asked again: it is not kept.
    iterator = undefined;
    while (items.length < itemsMax) {
      const next = current.next();
      if (next.done) break;
      items.push(next.value);
    }
    position = from + items.length;
    iterator = current;
    return items;
  };
}

function toStoredMessage(listed: ListedMessage): StoredMessage {
  const { role, name, toolCallId } = listed;
  const contents = contentSegments(listed);
  const tokenCount = contents.reduce((sum, segment) => sum + segment.tokenCount, 0);
  const message = { role, name, toolCallId, tokenCount, segments: contents.map(keyed) };
  if (listed.fieldSegments === undefined) return message;
  return { ...message, fields: fieldSegmentsOf(listed).map(keyed) };
}

function keyed({ id, tokenCount }: ListedSegment): StoredMessage['segments'][number] {
  return { key: keyOf(id), tokenCount };
}
