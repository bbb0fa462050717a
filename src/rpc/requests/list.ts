import { z } from 'zod';
import { enumeration, pageSize, vaultName } from './fields.js';
import { conversationFilter } from './filter.js';
import { ordinaryRequest } from './ordinary.js';

/** ListOrder's values by number. */
const order = enumeration(['newestFirst', 'newestFirst', 'oldestFirst']);

const schema = z
  .object({
    vault: vaultName,
    filter: conversationFilter.nullable(),
    page_size: pageSize,
    page_token: z.string(),
    order,
  })
  .transform(({ vault, filter, page_size, page_token, order }) => ({
    vault,
    filter: filter ?? {},
    order,
    pageSize: page_size,
    pageToken: page_token,
  }));

export const readList = ordinaryRequest('stowken.v1.ListConversationsRequest', schema);
export type ListRequest = ReturnType<typeof readList>;
