import { type Conversation, limits } from '../../model/index.js';
import type { ConversationFilter, ListPosition } from '../../storage/index.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import { MessageSearch, type SearchParts } from './messages.js';
import { Needle, type NeedleOptions } from './needle.js';
import type { SearchHit } from './text-hits.js';

declare const searchPosition: unique symbol;
/** Place of a search to go on from. Opaque to all but the vault. */
export type SearchPosition = string & { readonly [searchPosition]: true };

export interface SearchInput extends NeedleOptions {
  readonly filter: ConversationFilter;
  readonly limit: number;
  /** `next` of a part of the same search. */
  readonly after?: SearchPosition;
}

export interface SearchPart {
  readonly hits: readonly SearchHit[];
  /** Place behind what was searched; undefined at the end, and between the hits of one conversation. */
  readonly next: SearchPosition | undefined;
  /** Conversations searched so far, and those of them with messages that could not be searched. */
  readonly conversations: number;
  readonly unsearched: number;
}

/** Place as it is written: behind a position of the list, in a conversation at a message and an offset. */
interface Place {
  readonly list: ListPosition | undefined;
  readonly id?: string;
  readonly message?: number;
  readonly offset?: number;
}

const pageConversations = 64;
const messagesOfRead = 64;

/**
 * Searches conversations, newest first. There is no index: messages are decoded in the tokenizers' threads,
 * each distinct content once, and searched as the text that a retrieve gives. A part comes after each page of
 * conversations, so that a caller sees that it goes on.
 */
export async function* searchConversations(
  parts: SearchParts,
  input: SearchInput,
  signal: AbortSignal,
): AsyncGenerator<SearchPart, void, void> {
  const messages = new MessageSearch(parts, new Needle(input), signal);
  const turns = new Turns(signal);
  const begin = readPlace(input.after);
  const counts = { conversations: 0, unsearched: 0 };
  let left = input.limit;
  let resumed: Place | undefined = begin.id === undefined ? undefined : begin;
  let list = begin.list;
  for (;;) {
    throwIfAborted(signal);
    const query = { ...pageQuery(input.filter, signal), ...(list !== undefined && { after: list }) };
    const page = await parts.backend.listConversations({ ...query, limit: pageConversations });
    counts.unsearched += page.damaged?.length ?? 0;
    for (const [index, found] of page.conversations.entries()) {
      const from = resumed?.id === found.id ? resumed : { list };
      if (from === resumed) resumed = undefined;
      counts.conversations++;
      const state = { isWhole: true };
      for await (const hits of hitsOf(parts, { messages, turns }, found, from, () => left, state)) {
        left -= hits.length;
        if (left > 0) {
          yield { hits, next: undefined, ...counts };
          continue;
        }
        // Only the storage knows the place before an entry: it is asked for the entries before it.
        const before =
          index === 0 ? list : (await parts.backend.listConversations({ ...query, limit: index })).next;
        const last = hits.at(-1)!;
        const next = writePlace({
          list: before,
          id: found.id,
          message: last.messageIndex,
          offset: last.offset + 1,
        });
        yield { hits, next, ...counts };
        return;
      }
      if (!state.isWhole) counts.unsearched++;
    }
    list = page.next;
    yield { hits: [], next: list === undefined ? undefined : writePlace({ list }), ...counts };
    if (list === undefined) return;
    await yieldToEventLoop();
  }
}

function pageQuery(filter: ConversationFilter, signal: AbortSignal) {
  return { filter, order: 'newestFirst', scanLimit: limits.pageScanMax, signal } as const;
}

/** Yields the hits of a conversation, some messages at a time; no more than `left()` in all. */
async function* hitsOf(
  { backend }: SearchParts,
  { messages, turns }: { readonly messages: MessageSearch; readonly turns: Turns },
  { id }: Conversation,
  { message: begin = 0, offset = 0 }: Place,
  left: () => number,
  state: { isWhole: boolean },
): AsyncGenerator<SearchHit[], void, void> {
  const snapshot = await backend.openConversation(id);
  if (snapshot === undefined) return; // It was deleted meanwhile.
  try {
    const { messageCount, revision } = snapshot.conversation;
    for (let at = begin; at < messageCount;) {
      const read = await snapshot.read(at, messagesOfRead);
      if (read.length === 0) {
        state.isWhole = false;
        return;
      }
      const indexed = read.map((message, index) => ({ index: at + index, message }));
      const bounds = { fromOffset: at === begin ? offset : 0, hitsMax: left() };
      const outcomes = await messages.hitsOf(snapshot, indexed, bounds);
      const hits: SearchHit[] = [];
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome === undefined) state.isWhole = false;
        const { role } = read[index]!;
        const about = { conversationId: id, revision, messageIndex: at + index, role };
        for (const hit of (outcome ?? []).slice(0, left() - hits.length)) hits.push({ ...about, ...hit });
      }
      if (hits.length > 0) yield hits;
      at += read.length;
      await turns.spend(0, read);
    }
  } finally {
    snapshot.release();
  }
}

function writePlace({ list, id, message, offset }: Place): SearchPosition {
  return JSON.stringify({ list, id, message, offset }) as SearchPosition;
}

function readPlace(position: SearchPosition | undefined): Place {
  return position === undefined ? { list: undefined } : (JSON.parse(position) as Place);
}
