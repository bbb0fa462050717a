import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { DeleteManyInput } from '../../vault/index.js';
import { conversationId, items, vaultName } from './fields.js';
import { conversationFilter } from './filter.js';
import { ordinaryRequest } from './ordinary.js';
import { refuseField, type Context } from './parse.js';

const fields = z.object({
  vault: vaultName,
  filter: conversationFilter.nullable(),
  ids: items(conversationId, limits.conversationsPerRequestMax),
  all: z.boolean(),
  dry_run: z.boolean(),
});

const schema = fields.transform((request, context): { vault: string; input: DeleteManyInput } => ({
  vault: request.vault,
  input: { selection: selection(request, context), dryRun: request.dry_run },
}));

/** Exactly one of filter, ids and all; a filter that restricts nothing is most likely a mistake. */
function selection(
  { filter, ids, all }: z.output<typeof fields>,
  context: Context,
): DeleteManyInput['selection'] {
  const hasIds = ids.length > 0;
  if (filter !== null && hasIds) refuseField(context, 'ids', 'is given beside filter', {});
  if (all && (filter !== null || hasIds)) {
    refuseField(context, 'all', `is given beside ${hasIds ? 'ids' : 'filter'}`, {});
  }
  if (hasIds) return { kind: 'ids', ids };
  if (all) return { kind: 'filter', filter: {} };
  if (filter === null) return refuseField(context, 'filter', 'is missing, as are ids and all', {});
  if (Object.keys(filter).length > 0) return { kind: 'filter', filter };
  return refuseField(context, 'filter', 'restricts nothing; all deletes everything', {});
}

export const readDeleteMany = ordinaryRequest('stowken.v1.DeleteConversationsRequest', schema);
