import type { Command } from 'commander';
import type { WarmPrefix } from '../../client/index.js';
import { printable, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTime } from '../format.js';
import { formatTable } from '../table.js';
import { duration, filled, wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly application?: string;
  readonly within?: number;
  readonly minTokens?: number;
  readonly limit: number;
  readonly tokens: boolean;
  readonly json?: true;
}

const epilogue = `
Prefixes are whole blocks of 256 tokens that two conversations or more begin with. They are ranked by tokens x
conversations; one that a longer one in the list begins with is left out. --json has the token ids, to fill a cache
of keys and values with, one prefix a line.

Examples:
  stowken warm --application agents --within 24h --limit 10
  stowken warm --json | jq -c .tokens`;

/** `stowken warm` */
export function addWarm(program: Command, context: Context, done: Done): void {
  withServer(program.command('warm'))
    .description('list the prefixes most worth keeping in a cache of keys and values')
    .option('--application <name>', 'of this application only', filled)
    .option('--within <age>', 'count conversations created so lately: 24h, 7d', duration)
    .option('--min-tokens <n>', 'at least so long; rounded up to blocks of 256', wholeNumber(1))
    .option('--limit <n>', 'at most n', wholeNumber(1, 1000), 20)
    .option('--no-tokens', 'with --json: leave out the token ids')
    .option('--json', 'one JSON object per line, with token ids')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { output, interruption } = context;
      const { application, within, minTokens, limit } = options;
      let listed = 0;
      interruption.onInterrupt(() => `${formatCount(listed)} listed so far`);
      const query = {
        ...(application !== undefined && { application }),
        ...(within !== undefined && { createdFromMs: Math.max(0, Date.now() - within) }),
        ...(minTokens !== undefined && { minTokens }),
        limit,
        withoutTokens: options.json !== true || !options.tokens,
      };
      const found: WarmPrefix[] = [];
      await withClient(options, context, async (client) => {
        for await (const prefix of client.warmPrefixes(query)) {
          listed += 1;
          if (options.json) await output.json(plain(prefix, options.tokens));
          else found.push(prefix);
        }
      });
      if (!options.json) await output.line(found.length === 0 ? 'no prefix recurs' : table(found));
      done(exitCodes.done);
    });
}

function plain(prefix: WarmPrefix, withTokens: boolean): object {
  return {
    application: prefix.application,
    token_count: prefix.tokenCount,
    conversations: prefix.conversations,
    conversation_id: prefix.conversationId,
    last_use_time: formatTime(prefix.lastUseMs),
    ...(withTokens && { tokens: [...prefix.tokens] }),
  };
}

function table(found: readonly WarmPrefix[]): string {
  const heads = ['TOKENS', 'CONVERSATIONS', 'APPLICATION', 'LAST USE', 'NEWEST'];
  const rows = found.map(({ tokenCount, conversations, application, lastUseMs, conversationId }) => [
    formatCount(tokenCount),
    formatCount(conversations),
    printable(application),
    formatTime(lastUseMs),
    shellWord(conversationId),
  ]);
  return formatTable([heads, ...rows], ['right', 'right', 'left', 'left', 'left']);
}
