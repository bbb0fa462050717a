import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { Metadata, status } from '@grpc/grpc-js';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTracer } from '../../src/rpc/watch/tracing.js';
import { CallWatch } from '../../src/rpc/watch/index.js';
import { eventually } from '../support/wait.js';
import { startTestServer, type TestServer } from './support/server.js';

/** A span that is kept in memory. */
class MemorySpan implements Span {
  readonly attributes: Attributes = {};
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  ends = 0;
  readonly #context: SpanContext;

  constructor(
    readonly name: string,
    readonly options: SpanOptions,
    readonly parent: SpanContext | undefined,
    id: number,
  ) {
    this.#context = {
      traceId: parent?.traceId ?? 'f'.repeat(32),
      spanId: String(id).padStart(16, '0'),
      traceFlags: 1,
    };
    Object.assign(this.attributes, options.attributes);
  }

  spanContext = (): SpanContext => this.#context;
  isRecording = (): boolean => true;
  setAttribute(key: string, value: string): this {
    this.attributes[key] = value;
    return this;
  }
  setStatus(given: SpanStatus): this {
    this.status = given;
    return this;
  }
  end(): void {
    this.ends += 1;
  }
  setAttributes = (): this => this;
  addEvent = (): this => this;
  addLink = (): this => this;
  addLinks = (): this => this;
  updateName = (): this => this;
  recordException = (): void => undefined;
}

const spans: MemorySpan[] = [];
const tracer: Pick<Tracer, 'startSpan'> = {
  startSpan(name, options = {}, parent = ROOT_CONTEXT) {
    const span = new MemorySpan(name, options, trace.getSpanContext(parent), spans.length + 1);
    spans.push(span);
    return span;
  },
};

/** The part of the W3C propagator that a server uses. */
const propagator: TextMapPropagator<unknown> = {
  inject: () => undefined,
  fields: () => ['traceparent'],
  extract(given, carrier, getter) {
    const header = String(getter.get(carrier, 'traceparent'));
    const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header) ?? [];
    if (traceId === undefined) return given;
    return trace.setSpanContext(given, {
      traceId,
      spanId: spanId!,
      traceFlags: Number(flags),
      isRemote: true,
    });
  },
};

class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = (): Context => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (given, action, self, ...args) =>
    this.#storage.run(given, () => action.call(self as ThisParameterType<typeof action>, ...args));
  bind: ContextManager['bind'] = (_, target) => target;
  enable = (): this => this;
  disable = (): this => this;
}

const callerTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';

let server: TestServer;

describe('with an SDK', () => {
  beforeEach(() => {
    spans.length = 0;
    trace.setGlobalTracerProvider({ getTracer: () => tracer as Tracer });
    propagation.setGlobalPropagator(propagator);
    context.setGlobalContextManager(new Contexts());
  });
  afterEach(async () => {
    await server.stop();
    trace.disable();
    propagation.disable();
    context.disable();
  });

  it('each call has a span under the one of its caller', async () => {
    server = await startTestServer();
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${callerTrace}-${callerSpan}-01`);
    const upload = server.client.upload('UploadConversation', {}, metadata);
    upload.send({ spec: { conversation: { id: 'secret-id' } } });
    upload.send({ message: { role: 'user' } });
    upload.send({ finish: { total_tokens: 0 } });
    upload.call.end();
    await upload.response;
    await eventually(() => expect(spans.map(({ ends }) => ends)).toEqual([1]));
    const [span] = spans;
    expect(span).toMatchObject({
      name: 'stowken.v1.ConversationService/UploadConversation',
      options: { kind: SpanKind.SERVER },
      parent: { traceId: callerTrace, spanId: callerSpan },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(span!.attributes).toEqual({
      'rpc.system.name': 'grpc',
      'rpc.method': 'stowken.v1.ConversationService/UploadConversation',
      'rpc.response.status_code': 'OK',
      'stowken.vault': 'default',
    });
  });

  it("a client's mistake is no error of the server, and the server's own is", async () => {
    server = await startTestServer({ stats: () => Promise.reject(new Error('a defect')) });
    expect(await server.client.refused('GetConversation', { id: 'secret' })).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(await server.client.refused('GetStats', {})).toMatchObject({ code: status.INTERNAL });
    await eventually(() => expect(spans.map(({ ends }) => ends)).toEqual([1, 1]));
    expect(spans.map(({ parent }) => parent)).toEqual([undefined, undefined]);
    expect(spans.map((span) => span.status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.ERROR]);
    expect(spans[1]!.attributes).toMatchObject({ 'error.type': 'INTERNAL' });
    expect(JSON.stringify(spans)).not.toContain('secret');
  });

  it('what a call does is under its span', async () => {
    const active: (SpanContext | undefined)[] = [];
    const look = () => active.push(trace.getActiveSpan()?.spanContext());
    server = await startTestServer({
      stats: async () => {
        look();
        throw new Error('enough');
      },
      retrieve: async function* () {
        look();
      },
    });
    await server.client.refused('GetStats', {});
    await server.client.stream('RetrieveConversation', { id: 'a' });
    expect(active).toEqual(spans.map((span) => span.spanContext()));
    expect(active).toHaveLength(2);
  });
});

describe('an SDK with a copy of the API of its own', () => {
  it('is found, also if the copy is as old as those that SDKs ask for', () => {
    const slots = globalThis as unknown as Record<symbol, unknown>;
    const slot = Symbol.for('opentelemetry.js.api.1');
    const before = slots[slot];
    slots[slot] = { version: '1.9.0', trace: { getTracer: () => tracer } };
    try {
      expect(findTracer('1')).toBe(tracer);
    } finally {
      slots[slot] = before;
    }
  });
});

describe('without an SDK', () => {
  it('there are no spans, and nothing is kept of a call', () => {
    expect(findTracer('1')).toBeUndefined();
    expect(CallWatch.of({ logger: pino({ level: 'info' }), version: '1' })).toBeUndefined();
    expect(CallWatch.of({ logger: pino({ level: 'info' }), version: '1', slowCallMs: 5 })).toBeDefined();
  });
});
