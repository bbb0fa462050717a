import type { IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import {
  type Context,
  context,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { isVaultName } from '../../vaults/index.js';
import { isServed } from '../contract.js';
import type { EndedCall } from './ended-call.js';

const tracerName = 'stowken-server';

/** Status codes that the RPC conventions of OpenTelemetry call errors of a server. */
const serverErrors: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/**
 * Returns the tracer of the SDK that was loaded with --import; undefined without one. The SDK brings a copy
 * of the API of its own, and this one finds it only if it is not newer: package.json holds it back.
 */
export function findTracer(version: string): Tracer | undefined {
  const provider = trace.getTracerProvider();
  const isProxy = provider instanceof ProxyTracerProvider;
  if (isProxy && provider.getDelegateTracer(tracerName, version) === undefined) return undefined;
  return provider.getTracer(tracerName, version);
}

/** The span of a call, under the span of its caller if the headers name one. */
export class CallSpan {
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, path: string, headers: IncomingHttpHeaders) {
    const caller = propagation.extract(ROOT_CONTEXT, headers);
    const method = isServed(path) ? path.slice(1) : '_OTHER';
    const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': method };
    this.#span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, caller);
    this.#context = trace.setSpan(caller, this.#span);
  }

  /** Calls a function whose own spans, and what it begins, are under this one. */
  run(action: () => void): void {
    context.with(this.#context, action);
  }

  end({ code, caller }: EndedCall): void {
    const name = status[code];
    const isError = serverErrors.has(code);
    this.#span.setAttribute('rpc.response.status_code', name);
    if (isError) this.#span.setAttribute('error.type', name);
    const vault = caller?.vault;
    if (vault !== undefined && isVaultName(vault)) this.#span.setAttribute('stowken.vault', vault);
    if (isError) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}
