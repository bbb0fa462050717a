import { type Conversation, limits } from '../../model/index.js';
import type { ConversationPage, ListPosition, SegmentKey } from '../../storage/index.js';
import type { ConversationCount, Vault } from '../../vault/index.js';
import { openPageToken, type PageScope, sealPageToken } from '../page-token.js';
import type { ListGarbageRequest, ListRequest } from '../requests/index.js';
import { conversationFields, damagedFields, damagedSegmentFields } from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';

const conversationPageCodec = new ResponseEncoder('stowken.v1.ListConversationsResponse');

/**
 * Lists a page. It is shorter than asked for if its bytes would exceed the default message size of a gRPC
 * client.
 */
export async function listPage(vault: Vault, request: ListRequest, signal: AbortSignal): Promise<Buffer> {
  const scope: PageScope = {
    vaultId: vault.vaultId,
    query: { filter: request.filter, order: request.order },
  };
  const query = {
    filter: request.filter,
    order: request.order,
    scanLimit: limits.pageScanMax,
    signal,
    ...(request.pageToken !== '' && { after: openPageToken<ListPosition>(scope, request.pageToken) }),
  };
  let page = await vault.list({ ...query, limit: request.pageSize });
  const fitting = countFitting(page.conversations);
  // Only the vault knows the position behind an entry: ask again for the entries that fit.
  if (fitting < page.conversations.length) page = await vault.list({ ...query, limit: fitting });
  const total = request.count ? await vault.count(request.filter, signal) : undefined;
  return encodePage(page, scope, total);
}

function encodePage(page: ConversationPage, scope: PageScope, total?: ConversationCount): Buffer {
  return conversationPageCodec.encode({
    total_count: total?.conversations,
    total_is_lower_bound: total && !total.exact,
    conversations: page.conversations.map(conversationFields),
    next_page_token: page.next === undefined ? undefined : sealPageToken(scope, page.next),
    damaged: (page.damaged ?? []).map(damagedFields),
  });
}

/** Returns how many of the first conversations fit into a page; at least one. */
export function countFitting(conversations: readonly Conversation[]): number {
  let bytes = 0;
  let count = 0;
  for (const conversation of conversations) {
    bytes += encodedBytesAtMost(conversation);
    if (bytes > limits.pageBytesMax) break;
    count += 1;
  }
  return Math.max(count, 1);
}

/** Upper bound of a conversation's encoded size: its strings, and room for everything else. */
function encodedBytesAtMost({ metadata, ...fields }: Conversation): number {
  const strings = [fields.id, fields.application, fields.model, fields.tokenizer, fields.parentId];
  const labels = Object.entries(metadata).flat();
  const perString = 8;
  const otherFields = 128;
  return [...strings, ...labels].reduce(
    (sum, text) => sum + Buffer.byteLength(text) + perString,
    otherFields,
  );
}

const garbagePageCodec = new ResponseEncoder('stowken.v1.ListGarbageResponse');

/** Lists a page of garbage; the largest page has about 100 kB, or 300 kB if all of it is damaged. */
export async function listGarbagePage(
  vault: Vault,
  { pageSize, pageToken }: ListGarbageRequest,
): Promise<Buffer> {
  const scope: PageScope = { vaultId: vault.vaultId, query: 'garbage' };
  const { segments, damaged, next } = await vault.listGarbage({
    limit: pageSize,
    ...(pageToken !== '' && { after: openPageToken<SegmentKey>(scope, pageToken) }),
  });
  return garbagePageCodec.encode({
    segments: segments.map(({ hash, tokenCount, frameBytes }) => ({
      hash,
      token_count: tokenCount,
      bytes: frameBytes,
    })),
    next_page_token: next === undefined ? undefined : sealPageToken(scope, next),
    damaged: damaged.map(damagedSegmentFields),
  });
}
