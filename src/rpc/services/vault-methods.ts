import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import { StowkenError } from '../../model/index.js';
import type { Caller } from '../access/index.js';
import type { Tokenizers } from '../../text/index.js';
import type { Vault } from '../../vault/index.js';
import {
  type CallScope,
  serverStream,
  type ServerStreamMethod,
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
    const handle = async (request: Request, signal: AbortSignal, caller: Caller) =>
      answer(requireVault(this.scope, caller, request.vault), request, signal);
    return unary({ read, handle }, this.scope);
  }

  /** Makes a method that streams the parts that `work` yields, each encoded as a batch of responses. */
  stream<Request extends VaultRequest, Part>(
    read: ServerStreamMethod<Request>['read'],
    work: (vault: Vault, request: Request, signal: AbortSignal) => AsyncIterable<Part>,
    encode: (part: Part) => Iterable<Buffer>,
  ): handleServerStreamingCall<IncomingRequest, Buffer> {
    const { scope } = this;
    async function* handle(request: Request, signal: AbortSignal, caller: Caller) {
      const vault = requireVault(scope, caller, request.vault);
      for await (const part of work(vault, request, signal)) yield encode(part);
    }
    return serverStream({ read, handle }, scope);
  }
}

/** Shared state of the services. */
export interface ServiceScope extends CallScope {
  readonly vaults: (name: string) => Vault | undefined;
  readonly tokenizers: Pick<Tokenizers, 'known'>;
  readonly version: string;
  readonly intake: IntakeSettings;
}

/**
 * Returns the vault of that name, if the caller may do there what the call does.
 * @throws StowkenError PERMISSION_DENIED, whether there is such a vault or not; VAULT_NOT_FOUND
 */
export function requireVault({ vaults }: ServiceScope, caller: Caller, name: string): Vault {
  caller.check(name);
  const vault = vaults(name);
  if (vault !== undefined) return vault;
  throw new StowkenError('VAULT_NOT_FOUND', `there is no vault ${JSON.stringify(name)}`, {
    resource_type: 'vault',
    resource_name: name,
  });
}
