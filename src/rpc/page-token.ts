import { createHmac, timingSafeEqual } from 'node:crypto';
import { StowkenError } from '../model/index.js';
import type { ListPosition, SegmentKey } from '../storage/index.js';
import type { SearchPosition } from '../vault/index.js';

const sealBytes = 16;

/** Scope of a page token: it opens only if the same query asks the same vault. */
export interface PageScope {
  readonly vaultId: string;
  /** Filter and order, as JSON values. */
  readonly query: unknown;
}

/** Position of a page's end, as the vault gave it: of a conversation, of a segment, or inside a search. */
export type PagePosition = ListPosition | SegmentKey | SearchPosition;

/** Seals a position as a token that cannot be altered, in base64url. */
export function sealPageToken(scope: PageScope, position: PagePosition): string {
  const bytes = Buffer.from(JSON.stringify(position));
  return Buffer.concat([seal(scope, bytes), bytes]).toString('base64url');
}

/**
 * Returns the position in a token.
 * @throws StowkenError INVALID_PAGE_TOKEN if it was not sealed for this scope
 */
export function openPageToken<Position extends PagePosition>(scope: PageScope, token: string): Position {
  const bytes = Buffer.from(token, 'base64url');
  const position = bytes.subarray(sealBytes);
  const genuine =
    bytes.length > sealBytes &&
    // Node skips characters outside base64url: a token with such characters has been altered too.
    bytes.toString('base64url') === token &&
    timingSafeEqual(bytes.subarray(0, sealBytes), seal(scope, position));
  if (genuine) return JSON.parse(position.toString()) as Position;
  throw new StowkenError(
    'INVALID_PAGE_TOKEN',
    'page_token is not the next_page_token of a page of the same question to the same vault',
    { field: 'page_token' },
  );
}

function seal(scope: PageScope, position: Buffer): Buffer {
  return createHmac('sha256', scope.vaultId)
    .update('stowken page token\0')
    .update(position)
    .update('\0')
    .update(canonicalJson(scope.query))
    .digest()
    .subarray(0, sealBytes);
}

/**
 * Encodes JSON with the keys of every object sorted: the order in which a client sends a map has no meaning.
 */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
