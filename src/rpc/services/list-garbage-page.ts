import type { SegmentKey } from '../../storage/index.js';
import type { Vault } from '../../vault/index.js';
import { openPageToken, sealPageToken, type PageScope } from '../page-token.js';
import type { ListGarbageRequest } from '../requests/index.js';
import { MessageCodec } from '../wire/codec.js';

const codec = new MessageCodec('stowken.v1.ListGarbageResponse');

/** Lists a page of garbage; the largest page has some 100 kB. */
export async function listGarbagePage(
  vault: Vault,
  { pageSize, pageToken }: ListGarbageRequest,
): Promise<Buffer> {
  const scope: PageScope = { vaultId: vault.vaultId, query: 'garbage' };
  const { segments, next } = await vault.listGarbage({
    limit: pageSize,
    ...(pageToken !== '' && { after: openPageToken(scope, pageToken) as SegmentKey }),
  });
  return codec.encode({
    segments: segments.map(({ hash, tokenCount, frameBytes }) => ({
      hash,
      token_count: tokenCount,
      bytes: frameBytes,
    })),
    ...(next !== undefined && { next_page_token: sealPageToken(scope, next) }),
  });
}
