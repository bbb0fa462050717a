import type { SearchPart, SearchPosition, Vault } from '../../vault/index.js';
import { openPageToken, type PageScope, sealPageToken } from '../page-token.js';
import type { SearchRequest } from '../requests/index.js';
import { ResponseEncoder } from '../wire/response-encoder.js';

const codec = new ResponseEncoder('stowken.v1.SearchConversationsResponse');

/** A part of a search, with its scope for the token to go on with. */
interface ScopedPart extends SearchPart {
  readonly scope: PageScope;
}

/** Searches from the place that the request's token names. @throws StowkenError INVALID_PAGE_TOKEN */
export async function* search(
  vault: Vault,
  { input, pageToken }: SearchRequest,
  signal: AbortSignal,
): AsyncGenerator<ScopedPart, void, void> {
  const { filter, text, ignoreCase, wholeWords } = input;
  const question = { search: { filter, text, ignoreCase, wholeWords } };
  const scope: PageScope = { vaultId: vault.vaultId, query: question };
  const after = pageToken === '' ? {} : { after: openPageToken<SearchPosition>(scope, pageToken) };
  for await (const part of vault.search({ ...input, ...after }, signal)) yield { ...part, scope };
}

export function encodeHits({ hits, next, conversations, unsearched, scope }: ScopedPart): Buffer[] {
  const response = codec.encode({
    hits: hits.map((hit) => ({
      conversation_id: hit.conversationId,
      revision: hit.revision,
      message_index: hit.messageIndex,
      text_offset: hit.offset,
      snippet: hit.snippet,
      role: hit.role,
      snippet_offset: hit.snippetOffset,
      snippet_ends_message: hit.snippetEndsText,
    })),
    next_page_token: next === undefined ? undefined : sealPageToken(scope, next),
    conversations,
    unsearched,
  });
  return [response];
}
