import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  Client,
  credentials,
  Metadata,
  status,
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientReadableStream,
  type ClientWritableStream,
} from '@grpc/grpc-js';
import type { Method } from './contract.js';
import { ClientError, invalid, toClientError } from './errors.js';
import { checkTimeout, checkTokenText, type CheckedOptions } from './options.js';
import { waitToRetry, type RetryPolicy } from './retry.js';
import { withKnownFields } from './request-fields.js';
import type { CallControl } from './connection-types.js';

/** Calls over one connection. */
export class Transport {
  private readonly client: Client;
  private readonly retry: RetryPolicy;
  /** Ends every call. */
  private readonly signal: AbortSignal | undefined;
  /** Cancels each call that is under way. */
  private readonly cancels = new Set<() => void>();

  private readonly token: CheckedOptions['token'];

  constructor(checked: CheckedOptions) {
    const { server, receiveBytesMax, retry, signal, token } = checked;
    this.token = token;
    this.retry = retry;
    this.signal = signal;
    signal?.addEventListener('abort', () => [...this.cancels].forEach((cancel) => cancel()), { once: true });
    const options: ChannelOptions = {
      'grpc.max_receive_message_length': receiveBytesMax,
      'grpc.max_send_message_length': -1, // The server reports messages that are too large.
      // close() ends the connection, even if other clients have one to this server.
      'grpc.use_local_subchannel_pool': 1,
      'grpc-node.flow_control_window': 8 * 1024 * 1024,
      // Limit of the data that a call keeps in order to send it again. With the default of 1 MiB, a stream of
      // small messages has a cost that grows with their square, and the sender is not held back.
      'grpc.per_rpc_retry_buffer_size': 64 * 1024,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.max_reconnect_backoff_ms': 2_000,
    };
    this.client = new Client(server, channelCredentials(checked), { ...options, ...nameOption(checked) });
  }

  /** `idempotent`: a second try does no harm if the first was carried out. */
  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    control: CallControl,
    idempotent: boolean,
  ): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.unaryOnce(method, request, control);
      } catch (error) {
        const again = idempotent && (await this.waitToRetry(attempt, error, control));
        if (!again) throw error;
      }
    }
  }

  /**
   * Yields messages as they are asked for: the server waits for a slow reader. Leaving the loop cancels the
   * call.
   */
  async *stream<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    control: CallControl,
    idempotent: boolean,
  ): AsyncGenerator<Response, void, void> {
    for (let attempt = 1; ; attempt++) {
      let begun = false;
      try {
        for await (const message of this.streamOnce(method, request, control)) {
          begun = true;
          yield message;
        }
        return;
      } catch (error) {
        const mayRetry = idempotent && !begun;
        if (!mayRetry || !(await this.waitToRetry(attempt, error, control))) throw error;
      }
    }
  }

  /** Sends requests no faster than the server takes them. Not retried: the requests sent are not kept. */
  async clientStream<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<NoInfer<Request>>,
    control: CallControl,
  ): Promise<Response> {
    const metadata = await this.metadata();
    this.throwIfAborted(control);
    const options = callOptions(control);
    let answered = false;
    let wake: () => void = () => undefined;
    let call: ClientWritableStream<Request> | undefined;
    const response = new Promise<Response>((resolve, reject) => {
      call = this.client.makeClientStreamRequest(
        method.path,
        method.serialize,
        method.deserialize,
        metadata,
        options,
        (error, value) => {
          answered = true;
          wake();
          if (error) reject(toClientError(error));
          else resolve(value!);
        },
      );
    });
    response.catch(() => undefined); // The error is thrown below, unless the requests themselves failed.
    const cancel = () => call!.cancel();
    const forget = this.onAbort(control, cancel);
    call!.on('drain', () => wake());
    try {
      for await (const request of requests) {
        if (answered) break;
        if (!call!.write(request)) await new Promise<void>((resolve) => (wake = resolve));
      }
      call!.end();
      return await response;
    } finally {
      forget();
      call!.cancel();
    }
  }

  close(): void {
    this.client.close();
  }

  private async unaryOnce<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    control: CallControl,
  ): Promise<Response> {
    const metadata = await this.metadata();
    return new Promise((resolve, reject) => {
      this.throwIfAborted(control);
      const call = this.client.makeUnaryRequest(
        method.path,
        method.serialize,
        method.deserialize,
        request,
        metadata,
        callOptions(control),
        (error, response) => {
          forget();
          if (error) reject(toClientError(error));
          else resolve(response!);
        },
      );
      const forget = this.onAbort(control, () => call.cancel());
    });
  }

  private async *streamOnce<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    control: CallControl,
  ): AsyncGenerator<Response, void, void> {
    const metadata = await this.metadata();
    this.throwIfAborted(control);
    const call: ClientReadableStream<Response> = this.client.makeServerStreamRequest(
      method.path,
      method.serialize,
      method.deserialize,
      request,
      metadata,
      callOptions(control),
    );
    const forget = this.onAbort(control, () => call.cancel());
    // A status that arrives after the reader has left has no other listener, and would end the process.
    call.on('error', () => undefined);
    try {
      for await (const message of call) yield message as Response;
    } catch (error) {
      throw toClientError(error);
    } finally {
      forget();
      call.cancel();
    }
  }

  /** Returns the metadata of a call, with its token. @throws ClientError INVALID_FIELD if it is no token */
  private async metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.token === undefined) return metadata;
    const token = typeof this.token === 'string' ? this.token : await this.token();
    metadata.set('authorization', `Bearer ${checkTokenText(token)}`);
    return metadata;
  }

  private throwIfAborted({ signal }: CallControl): void {
    if (signal?.aborted || this.signal?.aborted)
      throw new ClientError(status.CANCELLED, 'the call was cancelled', 'CANCELLED');
  }

  /**
   * Calls `cancel` when the call's signal or the connection's aborts, until the returned function is called.
   */
  private onAbort({ signal }: CallControl, cancel: () => void): () => void {
    this.cancels.add(cancel);
    signal?.addEventListener('abort', cancel, { once: true });
    return () => {
      this.cancels.delete(cancel);
      signal?.removeEventListener('abort', cancel);
    };
  }

  private waitToRetry(attempt: number, error: unknown, { signal }: CallControl): Promise<boolean> {
    const signals = [signal, this.signal].filter((each) => each !== undefined);
    return waitToRetry(this.retry, attempt, error, AbortSignal.any(signals));
  }
}

function channelCredentials({ tls, server }: Pick<CheckedOptions, 'tls' | 'server'>): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const buffer = (pem: string | undefined) => (pem === undefined ? null : Buffer.from(pem));
  try {
    const ip = tls.serverName === undefined ? ipOf(server) : undefined;
    const verify = ip !== undefined && {
      checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
        checkServerIdentity(ip, certificate),
    };
    return credentials.createSsl(buffer(tls.ca), buffer(tls.key), buffer(tls.cert), verify || {});
  } catch (error) {
    throw invalid('tls', (error as Error).message);
  }
}

/**
 * Names the server for TLS, if that is not the host of the address. An IP address is no name that TLS may
 * send (Node warns): another one is sent, and the certificate is compared with the address itself.
 */
function nameOption({ tls, server }: Pick<CheckedOptions, 'tls' | 'server'>): ChannelOptions {
  const { serverName } = tls ?? {};
  if (serverName !== undefined)
    return { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
  return tls !== undefined && ipOf(server) !== undefined
    ? { 'grpc.ssl_target_name_override': 'localhost' }
    : {};
}

/** Returns the IP address of a server's address, if it has one. */
function ipOf(server: string): string | undefined {
  const host = server.slice(0, server.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? undefined : host;
}

/** Returns the options of a call for grpc-js. Fields that no method has taken before are refused here. */
function callOptions(control: CallControl): CallOptions {
  const { timeoutMs } = withKnownFields('control', control);
  return timeoutMs === undefined ? {} : { deadline: Date.now() + checkTimeout(timeoutMs) };
}
