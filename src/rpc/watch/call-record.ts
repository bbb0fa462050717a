import type { OutgoingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { Caller } from '../access/index.js';
import type { CallWatcher, EndedCall } from './ended-call.js';
import type { CallSpan } from './tracing.js';

/** Facts of a call under way. */
export class CallRecord implements EndedCall {
  code = status.UNKNOWN;
  durationMs = 0;
  receivedBytes = 0;
  sentBytes = 0;
  caller: Caller | undefined;
  #isEnded = false;
  readonly #startMs = performance.now();

  constructor(
    readonly path: string,
    private readonly watchers: readonly CallWatcher[],
    private readonly span: CallSpan | undefined,
  ) {}

  /** To be called with the status that is sent, and when the stream has closed: the first one counts. */
  end(code: status): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.code = code;
    this.durationMs = performance.now() - this.#startMs;
    for (const watch of this.watchers) watch(this);
    this.span?.end(this);
  }

  /** True if the call has a span. */
  get isTraced(): boolean {
    return this.span !== undefined;
  }

  /** Calls a function under the span of the call, if it has one. */
  run(action: () => void): void {
    if (this.span) this.span.run(action);
    else action();
  }

  /** Ends it with the status in headers or trailers. */
  endBy(headers: OutgoingHttpHeaders): void {
    const code = Number(headers['grpc-status']);
    this.end(status[code] === undefined ? status.UNKNOWN : code);
  }
}
