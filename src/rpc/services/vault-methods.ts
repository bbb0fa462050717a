import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import type { Vault } from '../../vault/index.js';
import type { IncomingRequest } from '../intake/index.js';
import { serverStream, unary, type ServerStreamMethod, type UnaryMethod } from '../calls/index.js';
import { requireVault, type ServiceScope } from './scope.js';

/** A request that names a vault. */
interface VaultRequest {
  readonly vault: string;
}

/** A service's methods, each of which works with the vault that its request names. */
export class VaultMethods {
  constructor(private readonly scope: ServiceScope) {}

  /** One response, encoded. */
  unary<Request extends VaultRequest>(
    read: UnaryMethod<Request>['read'],
    answer: (vault: Vault, request: Request, signal: AbortSignal) => Promise<Buffer>,
  ): handleUnaryCall<IncomingRequest, Buffer> {
    const handle = async (request: Request, signal: AbortSignal) =>
      answer(requireVault(this.scope, request.vault), request, signal);
    return unary({ read, handle }, this.scope);
  }

  /** What `work` yields, each encoded as a batch of responses. */
  stream<Request extends VaultRequest, Part>(
    read: ServerStreamMethod<Request>['read'],
    work: (vault: Vault, request: Request, signal: AbortSignal) => AsyncIterable<Part>,
    encode: (part: Part) => Iterable<Buffer>,
  ): handleServerStreamingCall<IncomingRequest, Buffer> {
    const { scope } = this;
    async function* handle(request: Request, signal: AbortSignal) {
      for await (const part of work(requireVault(scope, request.vault), request, signal)) yield encode(part);
    }
    return serverStream({ read, handle }, scope);
  }
}
