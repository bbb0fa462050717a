import type { Conversation } from '../model/index.js';
import type { Change, ConversationFilter } from '../storage/index.js';

type Deletion = Pick<NonNullable<Change['delete']>, 'id' | 'revision' | 'filter'>;

/**
 * Returns the deletion of a conversation that a filter found, as it was found. The revision alone does not
 * stand for it: a conversation that is deleted and stored again has the revision of the former. The commit
 * looks at the filter and at the time of the last change, too: whatever it deletes matches.
 */
export function asFound(
  { id, revision, updateTimeMs }: Conversation,
  filter: ConversationFilter,
): Required<Deletion> {
  const range = { updateTimeFromMs: updateTimeMs, updateTimeBeforeMs: updateTimeMs + 1 };
  return { id, revision, filter: { ...filter, ...range } };
}
