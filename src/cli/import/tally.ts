import type { StoreResult } from '../../client/index.js';
import { formatCount, formatRate, plural } from '../format.js';
import type { Failures } from './failures.js';

/** Counts of what an import has done so far. */
export class Tally {
  stored = 0;
  unchanged = 0;
  /** Stores that an interruption ended: they may be stored, or not. */
  cancelled = 0;
  /** In stored conversations, and of these the ones in segments that were new. */
  tokens = 0;
  newTokens = 0;
  private readonly startMs = performance.now();

  constructor(readonly failures: Failures) {}

  add({ unchanged, conversation, newTokens }: StoreResult): void {
    if (unchanged) {
      this.unchanged++;
      return;
    }
    this.stored++;
    this.tokens += conversation.totalTokens;
    this.newTokens += newTokens;
  }

  get failed(): number {
    return this.failures.count;
  }

  get done(): number {
    return this.stored + this.unchanged + this.failed;
  }

  get elapsedMs(): number {
    return performance.now() - this.startMs;
  }

  summary(): string {
    const { stored, unchanged, failed, cancelled, tokens, newTokens, elapsedMs } = this;
    const ended = cancelled > 0 ? `, cancelled ${formatCount(cancelled)}` : '';
    const counts = `stored ${plural(stored, 'conversation')}, unchanged ${formatCount(unchanged)}, failed ${formatCount(failed)}${ended}`;
    const volume = `${plural(tokens, 'token')} stored, ${formatCount(newTokens)} of them in new segments`;
    const rates = `${formatRate(stored + unchanged, elapsedMs)} conversations/s, ${formatRate(tokens, elapsedMs)} tokens/s`;
    return `${counts}\n${volume}\n${(elapsedMs / 1000).toFixed(1)} s: ${rates}`;
  }

  plain(): object {
    const { stored, unchanged, failed, cancelled, tokens, newTokens, elapsedMs } = this;
    return {
      stored,
      unchanged,
      failed,
      cancelled,
      tokens,
      new_tokens: newTokens,
      elapsed_ms: Math.round(elapsedMs),
      failures: this.failures.byKind(),
    };
  }
}
