import { type Conversation, limits } from '../../model/index.js';
import type { ConversationFilter, ListPosition, StoredMessage } from '../../storage/index.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import { Candidates } from './candidates.js';
import { type IndexedMessage, MessageSearch, type SearchParts } from './messages.js';
import { Needle, type NeedleOptions } from './needle.js';
import type { SearchHit } from './text-hits.js';
import { type Stretch, windowsOf, WindowSize } from './windows.js';

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

const pageConversations = 256;

/**
 * Searches conversations, newest first. There is no index: the tokens of each distinct segment are scanned
 * once, in threads of their own, which costs less than to decode its frame. Only messages that may hold the
 * text are turned into text, in the tokenizers' threads, and searched as the text that a retrieve gives. A
 * part comes after each page of conversations, so that a caller sees that it goes on.
 */
export async function* searchConversations(
  parts: SearchParts,
  input: SearchInput,
  signal: AbortSignal,
): AsyncGenerator<SearchPart, void, void> {
  const needle = new Needle(input);
  const messages = new MessageSearch(parts, needle, signal);
  const turns = new Turns(signal);
  const candidates = await Candidates.of(parts, needle, signal);
  const size = new WindowSize();
  const begin = readPlace(input.after);
  const counts = { conversations: 0, unsearched: 0 };
  let left = input.limit;
  let list = begin.list;
  for (;;) {
    throwIfAborted(signal);
    const query = { ...pageQuery(input.filter, signal), ...(list !== undefined && { after: list }) };
    const page = await parts.backend.listConversations({ ...query, limit: pageConversations });
    counts.unsearched += page.damaged?.length ?? 0;
    const beginOf = ({ id }: Conversation) => (id === begin.id ? (begin.message ?? 0) : 0);
    const { conversations } = page;
    let isWhole = true;
    for await (const window of windowsOf(parts.backend, { conversations, beginOf }, size, turns)) {
      const selected = await candidates.select(window);
      for (const stretch of window) {
        if (stretch.isFirst) {
          counts.conversations++;
          isWhole = true;
        }
        const { id } = conversations[stretch.index]!;
        const offset = id === begin.id && stretch.isFirst ? (begin.offset ?? 0) : 0;
        const found = await hitsIn(messages, stretch, selected, offset, left);
        if (!found.isWhole) isWhole = false;
        const { hits } = found;
        left -= hits.length;
        if (left <= 0) {
          // Only the storage knows the place before an entry: it is asked for the entries before it.
          const { index } = stretch;
          const before =
            index === 0 ? list : (await parts.backend.listConversations({ ...query, limit: index })).next;
          const last = hits.at(-1)!;
          const next = writePlace({
            list: before,
            id,
            message: last.messageIndex,
            offset: last.offset + 1,
          });
          yield { hits, next, ...counts };
          return;
        }
        if (hits.length > 0) yield { hits, next: undefined, ...counts };
        if (stretch.isLast && !isWhole) counts.unsearched++;
      }
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

/**
 * Returns the hits of a stretch's messages, at most `hitsMax`; in its first message, those from this offset
 * on. `isWhole` is false if one of them could not be searched.
 */
async function hitsIn(
  search: MessageSearch,
  { snapshot, from, messages, endsEarly }: Stretch,
  selected: ReadonlySet<StoredMessage>,
  offset: number,
  hitsMax: number,
): Promise<{ readonly hits: readonly SearchHit[]; readonly isWhole: boolean }> {
  const some: IndexedMessage[] = [];
  for (const [at, message] of messages.entries())
    if (selected.has(message)) some.push({ index: from + at, message, fromOffset: at === 0 ? offset : 0 });
  if (snapshot === undefined || some.length === 0) return { hits: [], isWhole: !endsEarly };
  const { id, revision } = snapshot.conversation;
  const outcomes = await search.hitsOf(snapshot, some, hitsMax);
  const hits: SearchHit[] = [];
  for (const [at, { index, message }] of some.entries()) {
    const about = { conversationId: id, revision, messageIndex: index, role: message.role };
    for (const hit of (outcomes[at] ?? []).slice(0, hitsMax - hits.length)) hits.push({ ...about, ...hit });
  }
  return { hits, isWhole: !endsEarly && !outcomes.includes(undefined) };
}

function writePlace({ list, id, message, offset }: Place): SearchPosition {
  return JSON.stringify({ list, id, message, offset }) as SearchPosition;
}

function readPlace(position: SearchPosition | undefined): Place {
  return position === undefined ? { list: undefined } : (JSON.parse(position) as Place);
}
