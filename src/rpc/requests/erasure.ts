import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { EraseInput } from '../../vault/index.js';
import { RequestDecoder } from '../wire/reader.js';
import { conversationId, durationMs, items, metadata, optional, vaultName } from './fields.js';
import { refuse, refuseField, schemaRequest } from './parse.js';

const wait = durationMs.check((context) => {
  const { value } = context;
  const limit = limits.eraseWaitMsMax;
  if (value > limit)
    refuse(context, `is ${value} ms; the limit is ${limit} ms`, { value: String(value), limit });
});

const eraseFields = z.object({
  vault: vaultName,
  ids: items(conversationId, limits.conversationsPerRequestMax),
  labels: metadata(limits.filterMetadataEntriesMax),
  dry_run: z.boolean(),
  wait: optional(wait),
});

const erase = eraseFields.transform((request, context): { vault: string; input: EraseInput } => {
  const labels = Object.entries(request.labels).map(([label, value]) => ({ label, value }));
  const { ids } = request;
  if (ids.length > 0 && labels.length > 0) refuseField(context, 'labels', 'is given beside ids', {});
  if (ids.length === 0 && labels.length === 0) refuseField(context, 'ids', 'is empty, as is labels', {});
  return {
    vault: request.vault,
    input: {
      selection: ids.length > 0 ? { kind: 'ids', ids } : { kind: 'labels', labels },
      dryRun: request.dry_run,
      waitMs: request.wait ?? limits.eraseWaitMsDefault,
    },
  };
});

export const readErase = schemaRequest(new RequestDecoder('stowken.v1.EraseConversationsRequest'), erase);
