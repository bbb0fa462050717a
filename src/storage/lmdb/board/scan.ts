import { recordsAfter } from '../conversations/chain.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { scanMessages } from '../conversations/message-list.js';
import { readBlock } from '../conversations/stored-list.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { SegmentId } from '../tables/ids.js';

export type ScannedTables = Pick<Tables, 'meta' | 'conversations' | 'messageBlocks'>;

/** Conversations and segments that one slice looks at: some milliseconds of work. */
const SLICE_CONVERSATIONS = 256;
const SLICE_SEGMENTS = 20_000;

/**
 * Passes on the segments in the contents of the next conversations after a number and up to another, in the
 * order of numbers. Returns the number that it got to; undefined if there are no more. What cannot be read is
 * left out.
 */
export function scanContents(
  tables: ScannedTables,
  nameOf: StringOf,
  { after, to = Infinity }: { readonly after: number; readonly to?: number },
  onSegment: (id: SegmentId, tokenCount: number, number: number, timeMs: number) => void,
): number | undefined {
  let reached: number | undefined;
  let segments = 0;
  for (const { key, value } of recordsAfter(tables, after, SLICE_CONVERSATIONS)) {
    if (key > to) break;
    reached = key;
    const manifest = value && undefinedIfCorrupt(() => decodeManifest(value, nameOf));
    if (!manifest) continue;
    const { createTimeMs } = manifest.conversation;
    const scan = (part: Uint8Array) =>
      scanMessages(part, (id, tokenCount, isField) => {
        segments += 1;
        if (!isField) onSegment(id, tokenCount, key, createTimeMs);
      });
    undefinedIfCorrupt(() => {
      for (const { id } of decodeDirectory(manifest.list.directory)) {
        const block = undefinedIfCorrupt(() => readBlock(tables.messageBlocks, id));
        if (block) undefinedIfCorrupt(() => scan(block));
      }
      return scan(manifest.list.tail);
    });
    if (segments >= SLICE_SEGMENTS) break;
  }
  return reached;
}
