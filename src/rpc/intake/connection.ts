import type { ServerHttp2Session } from 'node:http2';
import { limits } from '../../model/index.js';
import type { Share } from './budget.js';

/** A client's connection: what its calls hold, and what it may still do. */
export class Connection implements Share {
  usedBytes = 0;
  /** Streams of requests that are open. */
  uploads = 0;
  /** Whether the client has spoken HTTP/2 yet. */
  settled = false;
  /** Whether the server is about to close it. */
  ending = false;
  readonly openedMs = Date.now();
  readonly resets = new TokenBucket(limits.resetsBurstMax, limits.resetsPerSecondMax, this.openedMs);

  constructor(readonly session: ServerHttp2Session) {}
}

/** A bucket of tokens: `burst` at once, and `perSecond` again. */
export class TokenBucket {
  #tokens: number;
  #filledMs: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    nowMs: number,
  ) {
    this.#tokens = burst;
    this.#filledMs = nowMs;
  }

  /** Takes one token; returns false when there is none. */
  take(nowMs: number): boolean {
    const filled = this.#tokens + (Math.max(0, nowMs - this.#filledMs) / 1000) * this.perSecond;
    this.#tokens = Math.min(this.burst, filled) - 1;
    this.#filledMs = nowMs;
    if (this.#tokens >= 0) return true;
    this.#tokens = 0;
    return false;
  }
}

/** How often it is looked who has waited too long. */
const lookMs = 1000;

/** What may wait for a client, and not for ever. */
export interface Watched {
  /** Ends what has waited too long. The time is that in which the process ran. */
  look(nowMs: number): void;
}

/**
 * Looks after all that waits for a client: with one timer, and not one for each. Time in which the process did not run
 * is not counted: what came meanwhile has not been read yet.
 */
export class IdleWatch {
  readonly #watched = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;

  /** `afterwards` is called after every look. */
  constructor(afterwards: (nowMs: number) => void) {
    let countedMs = 0;
    let lookedMs = Date.now();
    this.#timer = setInterval(() => {
      const nowMs = Date.now();
      countedMs += Math.min(Math.max(nowMs - lookedMs, 0), 2 * lookMs);
      lookedMs = nowMs;
      for (const watched of this.#watched) watched.look(countedMs);
      afterwards(nowMs);
    }, lookMs).unref();
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
