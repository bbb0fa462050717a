import { decodeManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { decodeMessages, scanMessages } from '../conversations/message-list.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { LostConversation } from './report.js';

export interface MendedConversations {
  /** Numbers of the kept conversations, by their ids. */
  readonly kept: ReadonlyMap<string, number>;
  readonly lost: readonly LostConversation[];
}

/**
 * Keeps the conversations that are complete: header, blocks and all segments, with the header's numbers of
 * messages and tokens. The others, and the blocks that no manifest names any more, are removed. `ids` is the
 * readable content of the id index. Runs in a write transaction.
 */
export function mendConversations(
  tables: Tables,
  nameOf: StringOf,
  segments: ReadonlyMap<number, number>,
  ids: ReadonlyMap<number, string>,
): MendedConversations {
  const lost: LostConversation[] = [];
  const kept = new Map<string, number>();
  const pages = new Set<number>();
  // If two have one id, which only an unreachable page can cause, the later one is kept.
  for (const number of [...tables.conversations.keys()].reverse()) {
    const found = undefinedIfCorrupt(() => look(tables, number, nameOf, segments));
    const id = found?.id ?? ids.get(number);
    if (found?.what !== undefined || !found)
      lost.push({ id, number, what: found?.what ?? 'its record is damaged' });
    if (!found || found.what !== undefined || kept.has(found.id)) {
      tables.conversations.remove(number);
      continue;
    }
    kept.set(found.id, number);
    for (const page of found.pages) pages.add(page);
  }
  const stored = new Set(tables.conversations.keys());
  const named = new Set(lost.map(({ number }) => number));
  for (const [number, id] of ids) {
    if (!stored.has(number) && !named.has(number) && !kept.has(id))
      lost.push({ id, number, what: 'its record is lost' });
  }
  for (const page of [...tables.messageBlocks.keys()])
    if (!pages.has(page)) tables.messageBlocks.remove(page);
  return { kept, lost: lost.sort((one, other) => one.number - other.number) };
}

interface Looked {
  readonly id: string;
  readonly pages: readonly number[];
  /** Description of its fault. */
  readonly what: string | undefined;
}

function look(
  tables: Tables,
  number: number,
  nameOf: StringOf,
  segments: ReadonlyMap<number, number>,
): Looked | undefined {
  const record = tables.conversations.get(number);
  if (!record) return undefined;
  const { conversation, list } = decodeManifest(record, nameOf);
  const { id } = conversation;
  const pages: number[] = [];
  let messages = 0;
  let tokens = 0;
  let missing: number | undefined;
  const add = (part: Uint8Array) => {
    // Lost strings are damage, too.
    decodeMessages(part, nameOf);
    const extent = scanMessages(part, (segment, count) => {
      if (segments.get(segment) !== count) missing ??= segment;
    });
    messages += extent.messages;
    tokens += extent.tokens;
  };
  const whole = undefinedIfCorrupt(() => {
    for (const entry of decodeDirectory(list.directory)) {
      const page = tables.messageBlocks.get(entry.id);
      if (!page) return `page ${entry.id} of its message list is lost`;
      pages.push(entry.id);
      add(page);
    }
    add(list.tail);
    return missing === undefined ? '' : `segment ${missing} is lost`;
  });
  if (whole === undefined) return { id, pages, what: 'its message list is damaged' };
  if (whole !== '') return { id, pages, what: whole };
  const isAsLong = messages === conversation.messageCount && tokens === conversation.totalTokens;
  return { id, pages, what: isAsLong ? undefined : 'its message list is not as long as its header says' };
}
