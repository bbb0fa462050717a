import type { Socket } from 'node:net';
import { limits } from '../model/index.js';

/** Port at which a connection was accepted: that of gRPC, or that of the page. */
export type Entrance = 'grpc' | 'page';

/** Takes connections, one at a time. */
export interface Receiver {
  /** True if it can be given a connection now. */
  readonly isReady: boolean;
  /** True if it is taking a connection at this moment, or would take one. */
  readonly isPromising: boolean;
  /** Connections that it has open. */
  readonly connections: number;
  /**
   * Gives it the connection. The receiver closes the connection if it has not taken it after so many
   * milliseconds.
   */
  give(connection: Socket, entrance: Entrance, msMax: number): void;
}

/** A connection that no worker has been given yet. */
interface Waiting {
  readonly entrance: Entrance;
  readonly sinceMs: number;
  timer: NodeJS.Timeout;
}

/**
 * Distributes accepted connections to workers: each to the ready one that has the fewest. A connection that
 * finds no ready worker waits, and is closed if that takes too long: its client learns at once that it has to
 * connect again.
 *
 * The primary accepts, not the workers, for these reasons. Node's cluster forgets a connection whose worker
 * dies while it is handed over, and closes the listening socket when all workers are gone. A listening socket
 * shared by workers needs no hand-over, but the kernel distributes unevenly (8 connections to 2 idle workers:
 * 7:1 in the median of 20 runs), and connections to a worker that hangs, or to none, wait without end.
 */
export class Reception {
  /** Oldest first. */
  readonly #waiting = new Map<Socket, Waiting>();
  /** Ordered by their last connection, the most recent last. */
  #receivers: Receiver[] = [];
  #begun = false;
  #closed = false;

  accept(connection: Socket, entrance: Entrance): void {
    // An error of a client that goes away meanwhile needs no handling.
    connection.on('error', () => undefined);
    if (this.#closed) return void connection.destroy();
    const timer = setTimeout(() => this.#waitedLong(connection), limits.connectionWaitMs);
    this.#waiting.set(connection, { entrance, sinceMs: performance.now(), timer });
    this.giveOut();
  }

  /** Reports that the workers serve. Connections that came before wait for that, however long it takes. */
  begin(): void {
    this.#begun = true;
    this.giveOut();
  }

  add(receiver: Receiver): void {
    this.#receivers.push(receiver);
    this.giveOut();
  }

  remove(receiver: Receiver): void {
    this.#receivers = this.#receivers.filter((each) => each !== receiver);
  }

  /** Distributes waiting connections; to be called whenever a receiver has become ready. */
  giveOut(): void {
    for (const [connection, { entrance, sinceMs, timer }] of this.#waiting) {
      const receiver = this.#next();
      if (receiver === undefined) return;
      clearTimeout(timer);
      this.#waiting.delete(connection);
      this.remove(receiver);
      this.#receivers.push(receiver);
      const msLeft = limits.connectionWaitMs - (performance.now() - sinceMs);
      receiver.give(connection, entrance, Math.max(msLeft, limits.connectionTakeMsMin));
    }
  }

  /** Closes the waiting connections, and those that arrive from now on. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#waiting.keys()) this.#turnAway(connection);
  }

  /** Workers that start, and those that are slow, because of many connections at once, are waited for. */
  #waitedLong(connection: Socket): void {
    const isHopeless = this.#begun && !this.#receivers.some(({ isPromising }) => isPromising);
    if (isHopeless) return this.#turnAway(connection);
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) return;
    waiting.timer = setTimeout(() => this.#waitedLong(connection), limits.connectionTakeMsMin);
  }

  #turnAway(connection: Socket): void {
    clearTimeout(this.#waiting.get(connection)?.timer);
    this.#waiting.delete(connection);
    connection.destroy();
  }

  #next(): Receiver | undefined {
    return this.#receivers
      .filter(({ isReady }) => isReady)
      .reduce<Receiver | undefined>(
        (least, each) => (least === undefined || each.connections < least.connections ? each : least),
        undefined,
      );
  }
}
