import type { status } from '@grpc/grpc-js';
import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2';
import { limits, StowkenError } from '../../model/index.js';
import type { Caller } from '../access/index.js';
import type { CallRecord } from '../watch/index.js';
import { type Arrivals, ArrivalTurn } from './arrivals.js';
import type { ByteBudget, Share } from './budget.js';
import type { Connection, IdleWatch, Watched } from './connection.js';
import { IncomingRequest } from './incoming-request.js';
import {
  malformed,
  MessageReader,
  type MessageSize,
  type ReaderOwner,
  type ReaderParts,
} from './message-reader.js';
import { Payment } from './payment.js';
import { pushLean } from './push-lean.js';
import type { Gathered } from './slabs.js';
import type { Tickets } from './tickets.js';

type Listener = (...args: unknown[]) => void;

/** Intake settings of a method. */
export interface MethodIntake extends MessageSize {
  /**
   * "whole": one message; "parts": a stream of messages; "standing": services of others, whose streams may
   * stay silent.
   */
  readonly kind: 'whole' | 'parts' | 'standing';
}

/** Facts of a stream that its headers and its connection give. */
export interface StreamFacts {
  readonly connection: Connection;
  /** Counts what the stream takes from the budget. */
  readonly share: Share;
  readonly caller: Caller;
  readonly method: MethodIntake;
  readonly encoding: string | undefined;
  /** Undefined if nobody watches calls. */
  readonly record: CallRecord | undefined;
}

/** Dependencies shared by all streams of a server. */
export interface StreamParts extends ReaderParts {
  readonly budget: ByteBudget;
  readonly arrivals: Arrivals;
  readonly tickets: Tickets;
  readonly idle: IdleWatch;
  readonly requestIdleMs: number;
  /** Answers a stream with an error and closes it. Returns the status, unless nobody is there any more. */
  readonly refuse: (stream: ServerHttp2Stream, error: unknown) => status | undefined;
}

/**
 * A stream as grpc-js sees it. Its receiving side returns whole, uncompressed and paid messages, one for each
 * `resume`; everything else is forwarded to the real stream. Invariants:
 * - While no message is asked for, or one waits for room, the real stream is paused: HTTP/2 flow control then
 *   stops the client, and at most one window of 64 KiB waits.
 * - When the call has been answered or the stream has closed, nothing is charged here any more except
 *   requests claimed by a handler, which returns their charge itself.
 */
export class GovernedStream implements ReaderOwner, Watched {
  readonly caller: Caller;
  readonly #share: Share;
  readonly #method: MethodIntake;
  readonly #reader: MessageReader;
  readonly #record: CallRecord | undefined;
  /** Delivered requests that are not known to be claimed by a handler. */
  #unclaimed: IncomingRequest[] = [];
  #rest: Buffer | undefined;
  #wanted = false;
  #ended: boolean;
  #endGiven = false;
  #done = false;
  #listening = false;
  #flowing = false;
  #watched = false;
  /** True if data arrived, or was asked for, since the last look. */
  #active = true;
  #lastMs = 0;
  /** True if all data of the request had arrived a turn before it was handed over. */
  #settled = true;
  #onMessage: ((message: Buffer) => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(
    private readonly stream: ServerHttp2Stream,
    { connection, share, caller, method, encoding, record }: StreamFacts,
    private readonly parts: StreamParts,
  ) {
    this.#share = share;
    this.caller = caller;
    this.#method = method;
    this.#record = record;
    const payment = new Payment(parts.budget, share);
    const turn = new ArrivalTurn(parts.arrivals, connection);
    this.#reader = new MessageReader(parts, payment, turn, method, encoding, this);
    stream.push = (chunk, pushedEncoding) => {
      this.#settled = false;
      return pushLean(stream, chunk, pushedEncoding);
    };
    this.#ended = stream.readableEnded;
    stream.on('end', () => {
      this.#ended = true;
      this.#pump();
    });
  }

  // Members of the receiving side that grpc-js uses.

  on(event: string, listener: Listener): this {
    if (event === 'data') this.#onMessage = listener;
    else if (event === 'end') this.#onEnd = listener;
    else this.stream.on(event, listener);
    return this;
  }

  once(event: string, listener: Listener): this {
    this.stream.once(event, listener);
    return this;
  }

  pause(): this {
    this.#wanted = false;
    return this;
  }

  resume(): this {
    if (this.#done) return this;
    this.#wanted = true;
    this.#active = true;
    if (this.#method.kind === 'standing') this.#releaseUnclaimed();
    this.#pump();
    return this;
  }

  // Members of the sending side and of the state that grpc-js uses.

  respond(headers: OutgoingHttpHeaders, options?: ServerStreamResponseOptions): void {
    this.stream.respond(headers, options);
    if (options?.endStream !== true) return;
    this.#record?.endBy(headers);
    this.#answered();
  }

  write(bytes: Buffer, callback: (error?: Error | null) => void): boolean {
    if (this.#record) this.#record.sentBytes += bytes.length;
    return this.stream.write(bytes, callback);
  }

  end(): void {
    this.stream.end();
    this.#answered();
  }

  sendTrailers(trailers: OutgoingHttpHeaders): void {
    this.stream.sendTrailers(trailers);
    this.#record?.endBy(trailers);
  }

  get session() {
    return this.stream.session;
  }

  get rstCode(): number {
    return this.stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  }

  get destroyed(): boolean {
    return this.stream.destroyed;
  }

  get closed(): boolean {
    return this.stream.closed;
  }

  // The receiving side.

  get settled(): boolean {
    return this.#settled;
  }

  begin(start: Buffer): void {
    if (this.#method.kind === 'whole') this.caller.checkAhead(start);
  }

  deliver(message: Gathered, chargedBytes: number, leave: (() => void) | undefined): void {
    const charge = { budget: this.parts.budget, share: this.#share, bytes: chargedBytes, leave };
    const request = new IncomingRequest(message, this, charge);
    if (this.#unclaimed.length > 0) this.#unclaimed = this.#unclaimed.filter(({ claimed }) => !claimed);
    this.#unclaimed.push(request);
    const frame =
      this.#method.kind === 'standing' ? plainFrame(message.bytes) : this.parts.tickets.make(request);
    if (this.#record?.isTraced) this.#record.run(() => this.#onMessage?.(frame));
    else this.#onMessage?.(frame);
  }

  refuse(error: unknown): void {
    if (this.#done) return;
    this.#stop();
    const code = this.parts.refuse(this.stream, error);
    if (code !== undefined) this.#record?.end(code);
  }

  proceed(): void {
    this.#active = true;
    this.#settled = false;
    this.#pump();
  }

  /** To be called when the real stream has closed. */
  release(): void {
    this.#stop();
    this.#unwatch();
  }

  look(nowMs: number): void {
    if (this.#active) this.#lastMs = nowMs;
    this.#active = false;
    if (this.#done) {
      // The client goes on sending to a call that was answered.
      if (nowMs - this.#lastMs > this.parts.requestIdleMs) this.stream.close(constants.NGHTTP2_NO_ERROR);
      return;
    }
    if (!this.#wanted || this.#ended || this.#reader.busy) {
      this.#lastMs = nowMs;
      return;
    }
    const { requestIdleMs } = this.parts;
    if (this.#reader.dueMs(nowMs) + requestIdleMs < nowMs) return this.refuse(tooSlow(this.#reader.progress));
    const maySilent = this.#method.kind === 'standing' && !this.#reader.underWay;
    if (!maySilent && nowMs - this.#lastMs > requestIdleMs) this.refuse(idle(requestIdleMs));
  }

  #receive(chunk: Buffer): void {
    if (this.#done) return;
    this.#active = true;
    if (this.#record) this.#record.receivedBytes += chunk.length;
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#pump();
    if (this.#rest !== undefined && this.#flowing) {
      this.#flowing = false;
      this.stream.pause();
    }
  }

  #pump(): void {
    while (this.#rest !== undefined) {
      if (!this.#wanted || this.#reader.busy || this.#done) return;
      const chunk = this.#rest;
      this.#rest = undefined;
      const left = this.#takeFrom(chunk);
      if (left !== undefined && !this.#done) this.#rest = left;
    }
    if (!this.#wanted || this.#reader.busy || this.#done) return;
    if (this.#ended) this.#giveEnd();
    else this.#flow();
  }

  #takeFrom(chunk: Buffer): Buffer | undefined {
    try {
      const taken = this.#reader.take(chunk);
      return taken < chunk.length ? chunk.subarray(taken) : undefined;
    } catch (error) {
      this.refuse(error);
      return undefined;
    }
  }

  #giveEnd(): void {
    if (this.#endGiven) return;
    if (this.#reader.underWay) {
      const { came, of } = this.#reader.progress;
      return this.refuse(malformed(`the request ended within a message, after ${came} of its ${of} bytes`));
    }
    this.#endGiven = true;
    this.#unwatch();
    if (this.#record?.isTraced) this.#record.run(() => this.#onEnd?.());
    else this.#onEnd?.();
  }

  #flow(): void {
    this.#watch();
    if (this.#flowing) return;
    if (!this.#listening) {
      this.#listening = true;
      this.stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    }
    this.#flowing = true;
    this.stream.resume();
  }

  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.parts.idle.add(this);
  }

  #unwatch(): void {
    if (!this.#watched) return;
    this.#watched = false;
    this.parts.idle.delete(this);
  }

  #answered(): void {
    if (this.#done) return;
    this.#stop();
    if (this.#ended) return;
    // Further data of the request is discarded, for a while.
    this.#active = true;
    this.#watch();
    this.stream.resume();
  }

  /** Ends the receiving side, and releases everything it holds. */
  #stop(): void {
    if (this.#done) return;
    this.#done = true;
    this.#reader.stop();
    this.#rest = undefined;
    this.#releaseUnclaimed();
    this.#unwatch();
    this.#onMessage = this.#onEnd = undefined;
  }

  #releaseUnclaimed(): void {
    for (const request of this.#unclaimed) {
      if (!request.claimed) request.release();
      this.parts.tickets.forget(request);
    }
    this.#unclaimed = [];
  }
}

function plainFrame(bytes: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + bytes.length);
  frame[0] = 0;
  frame.writeUInt32BE(bytes.length, 1);
  bytes.copy(frame, 5);
  return frame;
}

function idle(limit: number): StowkenError {
  return new StowkenError(
    'DEADLINE_EXCEEDED',
    `nothing of the request came for ${limit} ms, which is the limit (--request-idle-timeout)`,
    { limit: String(limit) },
  );
}

function tooSlow({ came, of }: { readonly came: number; readonly of: number }): StowkenError {
  const limit = limits.requestBytesPerSecondMin;
  return new StowkenError(
    'DEADLINE_EXCEEDED',
    `${came} of the ${of} bytes of the request came at less than ${limit} bytes a second, which is the least`,
    { size: String(of), limit: String(limit) },
  );
}
