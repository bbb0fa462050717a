import { recordsAfter, recordsBefore } from '../conversations/chain.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest, type StoredManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { scanMessages } from '../conversations/message-list.js';
import { readBlock } from '../conversations/stored-list.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import type { SegmentId } from '../tables/ids.js';
import type { ScannedTables } from './scan.js';

/** Conversations that are looked at together: few conversations after each other have nothing new at all. */
const WINDOW = 16;
/** Conversations that are looked through from where the first use should be. */
const NEAR = 64;

export interface Use {
  readonly number: number;
  readonly timeMs: number;
}

/**
 * Finds the conversation that was stored first with a segment, by some hundreds of records, however many
 * there are: ids of segments rise with the numbers of the conversations that brought them. Undefined if it is
 * gone, or cannot be found so: an append to an older conversation brought the segment.
 */
export function findFirstUse(tables: ScannedTables, nameOf: StringOf, id: SegmentId): Use | undefined {
  const newestIn = (value: Uint8Array) =>
    undefinedIfCorrupt(() => newestAtStore(tables, decodeManifest(value, nameOf))) ?? 0;
  const isThereAt = (number: number) => {
    for (const { value } of recordsBefore(tables, number + 1, WINDOW))
      if (value && newestIn(value) >= id) return true;
    return false;
  };
  let low = 0;
  let high = readState(tables.meta).lastConversation;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (isThereAt(middle)) high = middle;
    else low = middle;
  }
  for (const { key, value } of recordsAfter(tables, Math.max(0, high - 1 - WINDOW), NEAR)) {
    const manifest = value && undefinedIfCorrupt(() => decodeManifest(value, nameOf));
    if (manifest && has(tables, manifest, id))
      return { number: key, timeMs: manifest.conversation.createTimeMs };
  }
  return undefined;
}

/** True if a conversation has a segment in the content of a message; undefined if it is gone or damaged. */
export function usesSegment(
  tables: ScannedTables,
  nameOf: StringOf,
  number: number,
  id: SegmentId,
): boolean | undefined {
  return undefinedIfCorrupt(() => {
    const record = tables.conversations.get(number);
    return record && has(tables, decodeManifest(record, nameOf), id);
  });
}

/** Returns the newest of the segments that a conversation had when it was stored, as far as that is known. */
function newestAtStore(tables: ScannedTables, manifest: StoredManifest): number {
  // Messages that were appended later are newer. The first message is as old as the conversation.
  const messagesMax = manifest.conversation.revision === 1 ? Infinity : 1;
  let newest = 0;
  for (const part of partsOf(tables, manifest)) {
    const { messages } = scanMessages(part, (id) => (newest = Math.max(newest, id)), messagesMax);
    if (messages >= messagesMax) break;
  }
  return newest;
}

function has(tables: ScannedTables, manifest: StoredManifest, wanted: SegmentId): boolean {
  let found = false;
  for (const part of partsOf(tables, manifest))
    scanMessages(part, (id, _tokens, isField) => (found ||= id === wanted && !isField));
  return found;
}

function* partsOf({ messageBlocks }: ScannedTables, { list }: StoredManifest): Generator<Uint8Array> {
  for (const { id } of decodeDirectory(list.directory)) yield readBlock(messageBlocks, id);
  yield list.tail;
}
