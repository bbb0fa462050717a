import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import type { AuditSource } from '../../audit/index.js';
import type { StowkenError } from '../../model/index.js';
import type { Caller } from '../access/index.js';
import type { TokenizerPool } from '../../text/index.js';
import type { Vault } from '../../vault/index.js';
import type { VaultAdmin, VaultUse } from '../../vaults/index.js';
import {
  type CallScope,
  serverStream,
  type ServerStreamMethod,
  type StopCall,
  unary,
  type UnaryMethod,
} from '../calls/index.js';
import type { IncomingRequest, IntakeSettings } from '../intake/index.js';

/** A request that names a vault. */
interface VaultRequest {
  readonly vault: string;
}

/** Methods of a service; each works with the vault that its request names. */
export class VaultMethods {
  constructor(private readonly scope: ServiceScope) {}

  /** Makes a method that returns one response, encoded. */
  unary<Request extends VaultRequest>(
    read: UnaryMethod<Request>['read'],
    answer: (vault: Vault, request: Request, signal: AbortSignal) => Promise<Buffer>,
  ): handleUnaryCall<IncomingRequest, Buffer> {
    const { scope } = this;
    const handle = async (request: Request, signal: AbortSignal, caller: Caller, stop: StopCall) => {
      const { vault, leave } = await enter(scope, caller, request.vault, stop);
      try {
        return await answer(vault, request, signal);
      } finally {
        leave();
      }
    };
    return unary({ read, handle }, scope);
  }

  /** Makes a method that streams the parts that `work` yields, each encoded as a batch of responses. */
  stream<Request extends VaultRequest, Part>(
    read: ServerStreamMethod<Request>['read'],
    work: (vault: Vault, request: Request, signal: AbortSignal) => AsyncIterable<Part>,
    encode: (part: Part) => Iterable<Buffer>,
  ): handleServerStreamingCall<IncomingRequest, Buffer> {
    const { scope } = this;
    async function* handle(request: Request, signal: AbortSignal, caller: Caller, stop: StopCall) {
      const { vault, leave } = await enter(scope, caller, request.vault, stop);
      try {
        for await (const part of work(vault, request, signal)) yield encode(part);
      } finally {
        leave();
      }
    }
    return serverStream({ read, handle }, scope);
  }
}

/** The open vaults of this process. */
export interface VaultSource {
  /** Opens the vault if it is not open; the caller ends the use. @throws StowkenError VAULT_NOT_FOUND */
  use(name: string): VaultUse | Promise<VaultUse>;
}

/** Limits by name, for GetCapabilities. */
export type StartedLimits = Readonly<Record<string, number>>;

/** Shared state of the services. */
export interface ServiceScope extends CallScope {
  readonly vaults: VaultSource;
  readonly admin: VaultAdmin;
  readonly auditSource: AuditSource;
  readonly tokenizers: Pick<TokenizerPool, 'known' | 'describe'>;
  readonly version: string;
  readonly intake: IntakeSettings;
  readonly startedLimits?: StartedLimits;
  readonly readOnly?: boolean;
}

/**
 * Opens a vault for a call, if the caller may do there what the call does; the call is stopped when the
 * vault is deleted. Returns the vault, and the function to be called when the work has ended.
 * @throws StowkenError PERMISSION_DENIED, whether there is such a vault or not; VAULT_NOT_FOUND
 */
export async function enter(
  { vaults }: ServiceScope,
  caller: Caller,
  name: string,
  stop: StopCall,
): Promise<{ readonly vault: Vault; readonly leave: () => void }> {
  caller.check(name);
  const { vault, signal, end } = await vaults.use(name);
  const onDeleted = (): void => stop(signal.reason as StowkenError);
  if (signal.aborted) onDeleted();
  signal.addEventListener('abort', onDeleted, { once: true });
  const leave = (): void => {
    signal.removeEventListener('abort', onDeleted);
    end();
  };
  return { vault, leave };
}
