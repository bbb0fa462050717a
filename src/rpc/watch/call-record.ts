import type { OutgoingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { Caller } from '../access/index.js';

/** A call that has ended, for those who count or log calls. It has nothing of its content. */
export interface EndedCall {
  /** "/package.Service/Method", as the client sent it. */
  readonly path: string;
  readonly code: status;
  readonly durationMs: number;
  /** Bytes of messages as they came, and as they were sent, with their gRPC heads. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Undefined if it was refused before it was known who calls. */
  readonly caller: Caller | undefined;
}

/** Receives each call once, at its end. Called often: it must be quick, and must not throw. */
export type CallWatcher = (call: EndedCall) => void;

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
    private readonly watcher: CallWatcher,
  ) {}

  /** To be called with the status that is sent, and when the stream has closed: the first one counts. */
  end(code: status): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.code = code;
    this.durationMs = performance.now() - this.#startMs;
    this.watcher(this);
  }

  /** Ends it with the status in headers or trailers. */
  endBy(headers: OutgoingHttpHeaders): void {
    const code = Number(headers['grpc-status']);
    this.end(status[code] === undefined ? status.UNKNOWN : code);
  }
}
