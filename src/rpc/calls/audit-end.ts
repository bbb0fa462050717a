import { type AuditSink, methodName } from '../../audit/index.js';
import { isStowkenError, limits } from '../../model/index.js';
import { type Caller, isAudited } from '../access/index.js';

/** Fields of requests that say what a call acts on. Requests have some of them. */
interface Named {
  readonly vault?: unknown;
  readonly id?: unknown;
  readonly hash?: unknown;
  readonly references?: unknown;
  readonly input?: unknown;
}

interface EndedCall {
  readonly path: string;
  readonly peer: string;
  readonly caller: Caller;
  /** Undefined if it could not be read. */
  readonly request: unknown;
  /** Undefined if the call succeeded. */
  readonly error?: unknown;
}

/**
 * Records the end of a call that deletes, maintains or administers. Refusals are recorded where they arise.
 */
export function auditEnd(audit: AuditSink, { path, peer, caller, request, error }: EndedCall): void {
  if (!isAudited(path) || isStowkenError(error, 'PERMISSION_DENIED')) return;
  const named = (request ?? {}) as Named;
  const ids = idsOf(named);
  audit.record({
    timeMs: Date.now(),
    identity: caller.name,
    // The name that grpc-js gives to the peer on a Unix socket.
    peer: peer === 'unknown' ? '' : peer,
    method: methodName(path),
    vault: typeof named.vault === 'string' && named.vault !== '' ? named.vault : undefined,
    ids: ids.slice(0, limits.auditIdsMax),
    idCount: ids.length,
    result: error === undefined ? 'OK' : isStowkenError(error) ? error.reason : 'INTERNAL',
    repeated: 0,
  });
}

function idsOf({ id, hash, references, input }: Named): string[] {
  if (typeof id === 'string') return [id];
  if (typeof hash === 'string') return [hash];
  if (Array.isArray(references)) return references.map((each: { readonly hash: string }) => each.hash);
  const { selection } = (input ?? {}) as { readonly selection?: { readonly ids?: readonly string[] } };
  return [...(selection?.ids ?? [])];
}
