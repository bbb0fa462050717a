import type { Conversation } from '../../../model/index.js';
import type { ConversationPage, ListPosition, ListQuery } from '../../contract/queries.js';
import { isListed } from '../../shared/records.js';
import { type ListedTables, namesOf } from './listed-records.js';

/** A step of a list, in its order. */
export interface Look<Position> {
  /** Position behind this step. */
  readonly position: Position;
  readonly number: number;
  /** Undefined: the record is damaged, or this is only a step of the search. */
  readonly conversation: Conversation | undefined;
  /** Damage of the record, in words. */
  readonly detail?: string | undefined;
  /** True if neither this nor a later conversation can be in the range of time that is asked for. */
  readonly isPast: boolean;
}

/** Order of a list, as fillPage() goes through it. */
export interface ListWay<Position> {
  readonly start: Position;
  /** Looks from a position on, all from the state of one moment. */
  readonly looksAfter: (position: Position) => Iterable<Look<Position>>;
  /** Looks before other work gets its turn. */
  readonly slice: number;
  readonly toListPosition: (position: Position) => ListPosition | undefined;
}

/**
 * Collects a page of the conversations that pass the filter. Each slice reads the state of its moment; a
 * position depends on a conversation alone, so nothing is repeated or skipped between slices.
 */
export async function fillPage<Position>(
  tables: ListedTables,
  query: ListQuery,
  { start, looksAfter, slice, toListPosition }: ListWay<Position>,
): Promise<ConversationPage> {
  const { limit, scanLimit, signal } = query;
  const conversations: Conversation[] = [];
  const damaged = new Map<number, string>();
  const page = (next: ListPosition | undefined): ConversationPage => ({
    conversations,
    ...(damaged.size > 0 && { damaged: namesOf(damaged, tables.ids) }),
    next,
  });
  let position = start;
  let scanned = 0;
  for (;;) {
    let seen = 0;
    for (const look of looksAfter(position)) {
      if (conversations.length + damaged.size >= limit || scanned >= scanLimit)
        return page(toListPosition(position));
      if (look.isPast) return page(undefined);
      if (look.detail !== undefined) damaged.set(look.number, look.detail);
      if (look.conversation && isListed(look.conversation, query)) conversations.push(look.conversation);
      position = look.position;
      scanned += 1;
      seen += 1;
      if (seen === slice) break;
    }
    if (seen < slice) return page(undefined);
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
}
