import type { TokenCore } from '../../src/core/index.js';
import type { TokenRun } from '../../src/model/index.js';
import type { BenchConversation } from './corpus.js';

/** Returns the messages of conversations, one after the other. */
export function runsOf(core: TokenCore, conversations: readonly BenchConversation[]): TokenRun[] {
  return conversations.flatMap(({ messages }) => messages.map(({ words }) => core.fromLe32(words)));
}

/** Returns every distinct token sequence that is not empty and not in `seen`, and adds it to `seen`. */
export function unique(core: TokenCore, runs: Iterable<TokenRun>, seen = new Set<string>()): TokenRun[] {
  const found: TokenRun[] = [];
  for (const run of runs) {
    if (run.tokenCount === 0) continue;
    const name = core.hash(run.varints);
    if (!seen.has(name)) {
      seen.add(name);
      found.push(run);
    }
  }
  return found;
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
