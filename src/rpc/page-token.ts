import { createHmac, timingSafeEqual } from 'node:crypto';
import { StowkenError } from '../model/index.js';

const positionBytes = 8;
const sealBytes = 16;

/** What a page token holds for: it opens only where the same is asked of the same vault. */
export interface PageScope {
  readonly vaultId: string;
  /** Filter and order, as JSON can tell them apart. */
  readonly query: unknown;
}

/** A position as a token that says nothing and cannot be altered: 32 characters of base64url. */
export function sealPageToken(scope: PageScope, position: number): string {
  const token = Buffer.alloc(positionBytes + sealBytes);
  token.writeBigUInt64BE(BigInt(position));
  seal(scope, token.subarray(0, positionBytes)).copy(token, positionBytes);
  return token.toString('base64url');
}

/** The position in a token; INVALID_PAGE_TOKEN when it was not sealed for this scope. */
export function openPageToken(scope: PageScope, token: string): number {
  const bytes = Buffer.from(token, 'base64url');
  const position = bytes.subarray(0, positionBytes);
  const genuine =
    bytes.length === positionBytes + sealBytes &&
    // Node skips characters that are not base64url: such a token has been altered too.
    bytes.toString('base64url') === token &&
    timingSafeEqual(bytes.subarray(positionBytes), seal(scope, position));
  if (genuine) return Number(position.readBigUInt64BE());
  throw new StowkenError(
    'INVALID_PAGE_TOKEN',
    'page_token is not the next_page_token of a page with this vault, filter and order',
    { field: 'page_token' },
  );
}

function seal(scope: PageScope, position: Buffer): Buffer {
  return createHmac('sha256', scope.vaultId)
    .update('stowken page token 1\0')
    .update(position)
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
