import { StowkenError } from '../../model/index.js';
import type { SegmentKey } from '../../storage/index.js';

/** Where a run stopped: with which registry, after which segment. */
export interface ResumePoint {
  readonly registryId: number;
  /** Undefined: before the first segment. */
  readonly after: SegmentKey | undefined;
}

export function toResumeToken(vaultId: string, { registryId, after }: ResumePoint): string {
  return Buffer.from(JSON.stringify([vaultId, registryId, after ?? null])).toString('base64url');
}

/** @throws StowkenError INVALID_FIELD for what toResumeToken did not make for this vault */
export function fromResumeToken(vaultId: string, token: string): ResumePoint {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    parsed = undefined;
  }
  if (Array.isArray(parsed) && parsed.length === 3 && parsed[0] === vaultId) {
    const [, registryId, after] = parsed as unknown[];
    const isKey = after === null || typeof after === 'number' || typeof after === 'string';
    if (Number.isSafeInteger(registryId) && isKey) {
      return { registryId: registryId as number, after: (after ?? undefined) as SegmentKey | undefined };
    }
  }
  throw new StowkenError('INVALID_FIELD', 'resume_token: it was not made by a compaction of this vault', {
    field: 'resume_token',
  });
}
