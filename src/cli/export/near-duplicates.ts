import type { ConversationFilter, DuplicatesPart, StowkenClient } from '../../client/index.js';
import { limits } from '../../model/index.js';
import { duplicatesNotes } from '../commands/duplicates.js';
import type { Context } from '../context.js';
import type { Listing } from './run.js';

/**
 * Returns a listing without conversations that are near-duplicates of an older one that the filter selects.
 * They are found again by each process that goes on with an export: what was stored meanwhile changes nothing
 * about them, as a conversation is compared with older ones alone.
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
