import type { Command } from 'commander';
import type { ConversationFilter } from '../client/index.js';
import { filled, keyValue, time, wholeNumber } from './arguments.js';

export interface FilterOptions {
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  readonly from?: number;
  readonly before?: number;
  readonly minTokens?: number;
  readonly maxTokens?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Adds the flags that choose conversations. */
export function withFilter(command: Command): Command {
  return command
    .option('--application <name>', 'only of this application', filled)
    .option('--model <name>', 'only of this model', filled)
    .option('--tokenizer <name>', 'only of this tokenizer', filled)
    .option('--id-prefix <text>', 'only ids that begin so', filled)
    .option('--from <time>', 'only created then or later: 2026-01-31, 2026-01-31T12:00:00Z', time)
    .option('--before <time>', 'only created before then', time)
    .option('--min-tokens <n>', 'only of so many tokens or more', wholeNumber(0))
    .option('--max-tokens <n>', 'only of so many tokens or fewer', wholeNumber(0))
    .option('--metadata <key=value>', 'only with this metadata; can be given again', keyValue);
}

export function toFilter(options: FilterOptions): ConversationFilter {
  const { from, before, minTokens, maxTokens } = options;
  return {
    ...(options.application !== undefined && { application: options.application }),
    ...(options.model !== undefined && { model: options.model }),
    ...(options.tokenizer !== undefined && { tokenizer: options.tokenizer }),
    ...(options.idPrefix !== undefined && { idPrefix: options.idPrefix }),
    ...(from !== undefined && { createTimeFromMs: from }),
    ...(before !== undefined && { createTimeBeforeMs: before }),
    ...(minTokens !== undefined && { tokensMin: minTokens }),
    ...(maxTokens !== undefined && { tokensMax: maxTokens }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
  };
}
