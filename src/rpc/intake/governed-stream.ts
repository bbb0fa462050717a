import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2';
import type { Caller } from '../access/index.js';
import type { CallRecord } from '../watch/index.js';
import { ArrivalTurn } from './arrivals.js';
import type { Share } from './budget.js';
import type { Watched } from './connection.js';
import { DeliveredRequests } from './delivered-requests.js';
import { IncomingRequest } from './incoming-request.js';
import { malformed, MessageReader, type ReaderOwner } from './message-reader.js';
import { Payment } from './payment.js';
import { pushLean } from './push-lean.js';
import { tooLate } from './request-pace.js';
import type { Gathered } from './slabs.js';
import type { MethodIntake, StreamFacts, StreamParts } from './stream-parts.js';

type Listener = (...args: unknown[]) => void;

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
  readonly #delivered: DeliveredRequests;
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
    this.#delivered = new DeliveredRequests(parts.tickets, method.plain ?? false);
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
    if (this.#method.plain) this.#delivered.release();
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
    const frame = this.#delivered.frame(new IncomingRequest(message, this, charge), message.bytes);
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
    const maySilent = this.#method.kind === 'standing' && !this.#reader.underWay;
    const late = tooLate(this.#reader, nowMs, {
      silentSinceMs: maySilent ? nowMs : this.#lastMs,
      requestIdleMs: this.parts.requestIdleMs,
    });
    if (late) this.refuse(late);
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
    this.#delivered.release();
    this.#unwatch();
    this.#onMessage = this.#onEnd = undefined;
  }
}
