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
