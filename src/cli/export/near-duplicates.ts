import type { ConversationFilter, DuplicatesPart, StowkenClient } from '../../client/index.js';
import { limits } from '../../model/index.js';
import { duplicatesNotes } from '../commands/duplicates.js';
import type { Context } from '../context.js';
import type { Listing } from './run.js';

/**
 * Returns a listing without conversations that are near-duplicates of an older one that the filter selects,
 * also of one that is not fit to be exported. Each process that goes on with an export finds them again: what
 * was stored meanwhile changes nothing, as a conversation is compared with older ones alone. A near-duplicate
 * is exported if the older one was deleted meanwhile.
 */
export async function withoutNearDuplicates(
  list: Listing,
  client: StowkenClient,
  { filter, threshold }: { readonly filter: ConversationFilter; readonly threshold: number },
  { io, interruption }: Pick<Context, 'io' | 'interruption'>,
): Promise<Listing> {
  const near = new Set<string>();
  let last: DuplicatesPart | undefined;
  const limit = limits.duplicatesKeptMax;
  const { signal } = interruption;
  for await (const part of client.duplicates({ filter, threshold, limit, signal })) {
    last = part;
    for (const { conversationId } of part.duplicates) near.add(conversationId);
  }
  for (const note of duplicatesNotes(last)) io.stderr.write(`${note}\n`);
  return async function* (pageToken) {
    for await (const page of list(pageToken)) {
      const conversations = page.conversations.filter(({ id }) => !near.has(id));
      yield { ...page, conversations, duplicates: page.conversations.length - conversations.length };
    }
  };
}
