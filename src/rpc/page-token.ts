import { createHmac, timingSafeEqual } from 'node:crypto';
import { StowkenError } from '../model/index.js';

const sealBytes = 16;

/** What a page token holds for: it opens only where the same is asked of the same vault. */
export interface PageScope {
  readonly vaultId: string;
  /** Filter and order, as JSON can tell them apart. */
  readonly query: unknown;
}

/** Where a page ended: a number, or a backend's own key. */
export type PagePosition = number | string;

/** A position as a token that cannot be altered, in base64url. */
export function sealPageToken(scope: PageScope, position: PagePosition): string {
  const bytes = Buffer.from(JSON.stringify(position));
  return Buffer.concat([seal(scope, bytes), bytes]).toString('base64url');
}

/** The position in a token; INVALID_PAGE_TOKEN when it was not sealed for this scope. */
export function openPageToken(scope: PageScope, token: string): PagePosition {
  const bytes = Buffer.from(token, 'base64url');
  const position = bytes.subarray(sealBytes);
  const genuine =
    bytes.length > sealBytes &&
    // Node skips characters that are not base64url: such a token has been altered too.
    bytes.toString('base64url') === token &&
    timingSafeEqual(bytes.subarray(0, sealBytes), seal(scope, position));
  if (genuine) return JSON.parse(position.toString()) as PagePosition;
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

/** JSON with the keys of every object in order: the order in which a client sends a map says nothing. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
