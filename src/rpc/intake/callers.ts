import { limits, StowkenError } from '../../model/index.js';
import type { Share } from './budget.js';
import { TokenBucket } from './connection.js';
import type { CallerLimits } from './settings.js';

/** Everything that the calls of one caller hold in this process. */
class CallerUse {
  usedBytes = 0;
  calls = 0;
  uploads = 0;

  constructor(
    readonly bucket: TokenBucket | undefined,
    readonly bytesMax: number,
  ) {}
}

/** Share of a call: what it takes is counted for its connection and for its caller. */
class CallShare implements Share {
  constructor(
    private readonly connection: Share,
    readonly owner: CallerUse,
  ) {}

  get usedBytes(): number {
    return this.connection.usedBytes;
  }

  set usedBytes(bytes: number) {
    this.connection.usedBytes = bytes;
  }
}

/** Place of a call among those of its caller, until it is left. */
export interface CallPlace {
  readonly share: Share;
  readonly leave: () => void;
}

/** Interval at which callers who have nothing under way are forgotten, in milliseconds. */
const forgetMs = 60_000;

/** Limits what each caller who is known by name has under way, on all connections. */
export class Callers {
  readonly #uses = new Map<string, CallerUse>();
  #forgotMs = 0;

  constructor(
    private readonly settings: CallerLimits,
    private readonly bytesMax: number,
  ) {}

  /** @throws StowkenError CALLER_LIMIT */
  enter(name: string, connection: Share, isUpload: boolean, nowMs = Date.now()): CallPlace {
    this.#forget(nowMs);
    const { callsMax, uploadsMax, perSecondMax, burstMax } = this.settings;
    let use = this.#uses.get(name);
    if (use === undefined) {
      const bucket = perSecondMax > 0 ? new TokenBucket(burstMax, perSecondMax, nowMs) : undefined;
      this.#uses.set(name, (use = new CallerUse(bucket, this.bytesMax)));
    }
    if (use.calls >= callsMax) throw tooMany(name, 'calls under way', callsMax, limits.callerRetryMs);
    if (isUpload && use.uploads >= uploadsMax)
      throw tooMany(name, 'uploads under way', uploadsMax, limits.callerRetryMs);
    if (use.bucket?.take(nowMs) === false)
      throw tooMany(name, 'calls a second', perSecondMax, Math.ceil(1000 / perSecondMax));
    use.calls += 1;
    if (isUpload) use.uploads += 1;
    return { share: new CallShare(connection, use), leave: once(use, isUpload) };
  }

  #forget(nowMs: number): void {
    if (nowMs - this.#forgotMs < forgetMs) return;
    this.#forgotMs = nowMs;
    for (const [name, { calls, usedBytes, bucket }] of this.#uses)
      if (calls === 0 && usedBytes === 0 && (bucket?.isFull(nowMs) ?? true)) this.#uses.delete(name);
  }
}

function once(use: CallerUse, isUpload: boolean): () => void {
  let left = false;
  return () => {
    if (left) return;
    left = true;
    use.calls -= 1;
    if (isUpload) use.uploads -= 1;
  };
}

function tooMany(name: string, what: string, limit: number, retryAfterMs: number): StowkenError {
  return new StowkenError(
    'CALLER_LIMIT',
    `${name} has as many ${what} as one caller may have: ${limit}; try again after ${retryAfterMs} ms`,
    { kind: what, limit: String(limit), retry_after_ms: String(retryAfterMs) },
  );
}
