import type { StoreResult } from '../../client/index.js';
import { formatCount, formatRate, plural } from '../format.js';

/** What an import has done so far. */
export class Tally {
  stored = 0;
  unchanged = 0;
  failed = 0;
  /** In stored conversations, and of these the ones in segments that were new. */
  tokens = 0;
  newTokens = 0;
  private readonly startMs = performance.now();

  add({ unchanged, conversation, newTokens }: StoreResult): void {
    if (unchanged) {
      this.unchanged++;
      return;
    }
    this.stored++;
    this.tokens += conversation.totalTokens;
    this.newTokens += newTokens;
  }

  get done(): number {
    return this.stored + this.unchanged + this.failed;
  }

  get elapsedMs(): number {
    return performance.now() - this.startMs;
  }

  summary(): string {
    const { stored, unchanged, failed, tokens, newTokens, elapsedMs } = this;
    const counts = `stored ${plural(stored, 'conversation')}, unchanged ${formatCount(unchanged)}, failed ${formatCount(failed)}`;
    const volume = `${plural(tokens, 'token')} stored, ${formatCount(newTokens)} of them in new segments`;
    const rates = `${formatRate(stored + unchanged, elapsedMs)} conversations/s, ${formatRate(tokens, elapsedMs)} tokens/s`;
    return `${counts}\n${volume}\n${(elapsedMs / 1000).toFixed(1)} s: ${rates}`;
  }
}
